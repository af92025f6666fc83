//! bashrc in all its forms.

use super::*;

#[test]
fn every_way_to_source_it_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("etc/portage");
    fs::create_dir_all(config.join("bashrc.d")).unwrap();
    let count = |text: &str| {
        fs::write(config.join("bashrc"), text).unwrap();
        Bashrc::read(&config).unwrap().sourcings.len()
    };
    assert_eq!(
        count("source /usr/share/sccache-report/sccache-report.sh\n"),
        1
    );
    assert_eq!(
        count("  . \"${EPREFIX}/usr/share/x/sccache-report.sh\"\n"),
        1
    );
    assert_eq!(
        count("# source /usr/share/sccache-report/sccache-report.sh\n"),
        0
    );
    assert_eq!(
        count("if true; then . /x/sccache-report.sh; fi\nsource /x/sccache-report.sh"),
        2
    );
    assert_eq!(count("source /etc/other.sh\n"), 0);
    fs::write(config.join("bashrc.d/90-x.sh"), format!("{MARK} {{ :; }}")).unwrap();
    assert_eq!(count(""), 0);
    assert_eq!(Bashrc::read(&config).unwrap().unread.len(), 1);
    assert_eq!(
        count("for f in /etc/portage/bashrc.d/*.sh; do . $f; done"),
        1
    );
}

#[test]
fn of_bashrc_d_only_what_is_read_counts() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("etc/portage");
    let folder = config.join("bashrc.d");
    fs::create_dir_all(&folder).unwrap();
    fs::write(config.join("bashrc"), ". /etc/portage/bashrc.d/bashrcd.sh").unwrap();
    let unread = ["90-x.sh.bak", ".90-x.sh", "90-x", "bashrcd.sh", "90-x.sh~"];
    for name in unread {
        fs::write(folder.join(name), format!("{MARK} {{ :; }}")).unwrap();
    }
    let found = Bashrc::read(&config).unwrap();
    assert_eq!(
        (found.sourcings, found.unread.len()),
        (vec![], unread.len())
    );
    fs::write(folder.join("90-x.sh"), format!("{MARK} {{ :; }}")).unwrap();
    let found = Bashrc::read(&config).unwrap();
    assert_eq!(found.sourcings.len(), 1);
    assert_eq!(found.sourcings[0].by, folder.join("90-x.sh"));
}

#[test]
fn a_command_is_kept_as_it_is_written() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("etc/portage");
    fs::create_dir_all(&config).unwrap();
    let text = "# one\nif [ -e x ]; then . \"${EPREFIX}/usr/sccache-report.sh\"; fi\n";
    fs::write(config.join("bashrc"), text).unwrap();
    let found = Bashrc::read(&config).unwrap().sourcings.remove(0);
    assert_eq!(found.hook, root.path().join("usr/sccache-report.sh"));
    assert_eq!(found.way.reach, Reach::Perhaps);
    let command = found.command.unwrap();
    assert_eq!(command.line, 2);
    assert_eq!(command.text, ". \"${EPREFIX}/usr/sccache-report.sh\"");
}

#[test]
fn files_that_are_sourced_are_followed() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("etc/portage");
    fs::create_dir_all(config.join("bashrc.d")).unwrap();
    let write = |name: &str, text: &str| fs::write(config.join(name), text).unwrap();
    let read = |text: &str| {
        write("bashrc", text);
        let found = Bashrc::read(&config).unwrap();
        let reaches =
            |all: &[Sourcing]| -> Vec<Reach> { all.iter().map(|one| one.way.reach).collect() };
        let (met, not) = (reaches(&found.sourcings), reaches(&found.unreached));
        ([met, not].concat(), found.unseen.is_some())
    };
    use Reach::{Always, Never, Perhaps};
    write("one", ". ${BASH_SOURCE%/*}/two\n");
    write(
        "two",
        ". \"${EPREFIX}\"/etc/portage/one; source /x/sccache-report.sh",
    );
    let one = "source ${PORTAGE_CONFIGROOT%/}/etc/portage/one";
    assert_eq!(read(one), (vec![Always], false));
    assert_eq!(read(&format!("{one}; {one}")), (vec![Always], false));
    assert_eq!(
        read(&format!("[[ -n $X ]] && {one}")),
        (vec![Perhaps], false)
    );
    assert_eq!(read(&format!("return\n{one}")), (vec![Never], false));
    let there =
        "[[ ${EBUILD_PHASE} == depend ]] && return 0\nif [ -e ${EPREFIX}/etc/portage/one ]; then";
    assert_eq!(read(&format!("{there} {one}; fi")), (vec![Always], false));
    let two = "a && source /x/sccache-report.sh && source /x/sccache-report.sh";
    assert_eq!(read(two), (vec![Perhaps; 2], false));
    assert_eq!(read("source $X/sccache-report.sh"), (vec![Perhaps], false));
    assert_eq!(
        read("source /not/there; echo source /x/sccache-report.sh"),
        (vec![], false)
    );
    assert_eq!(read("for f in a; do . $f; done"), (vec![], true));
    // portage-bashrc-mv, and a file of bashrc.d that is read alone.
    write("bashrc.d/bashrcd.sh", "BashrcdMain() { . \"$x\"; }");
    write("bashrc.d/9.sh", "source /x/sccache-report.sh");
    let loader = "[ \"`type -t BashrcdMain`\" = function ] || \\\n\
        . \"${PORTAGE_CONFIGROOT%/}/etc/portage/bashrc.d/bashrcd.sh\"\nBashrcdMain \"$@\"";
    assert_eq!(read(loader), (vec![Always], false));
    assert_eq!(read(&format!("return\n{loader}")), (vec![], false));
    let alone = format!(". {}/bashrc.d/9.sh", config.display());
    assert_eq!(read(&alone), (vec![Always], false));
    assert!(!Bashrc::read(&config).unwrap().reads_folder);
}

#[test]
fn each_command_of_a_line_is_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("etc/portage");
    fs::create_dir_all(&config).unwrap();
    let text = "\n. /x/sccache-report.sh; . /x/sccache-report.sh && . '/x/sccache-report.sh'";
    fs::write(config.join("bashrc"), text).unwrap();
    let found = Bashrc::read(&config).unwrap().sourcings.into_iter();
    let commands = found.map(|one| one.command.unwrap());
    let shown: Vec<_> = commands.map(|one| (one.line, one.nth)).collect();
    assert_eq!(shown, [(2, 1), (2, 2), (2, 1)]);
}

#[test]
fn the_end_is_not_always_reached() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("etc/portage");
    fs::create_dir_all(&config).unwrap();
    let end = |text: &str| {
        fs::write(config.join("bashrc"), text).unwrap();
        let end = Bashrc::read(&config).unwrap().end;
        (end.reach, end.obstacle.map(|(_, obstacle)| obstacle.before))
    };
    assert_eq!(end(""), (Reach::Always, None));
    assert_eq!(
        end("a() { return; }\ncase x in y) z ;; esac"),
        (Reach::Always, None)
    );
    assert_eq!(end("a=1\nreturn 0"), (Reach::Never, Some(2)));
    assert_eq!(end("[[ -n ${X} ]] && return"), (Reach::Perhaps, Some(1)));
}

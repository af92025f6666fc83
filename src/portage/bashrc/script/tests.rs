//! Scripts, and which of their commands bash gets to.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Place = (String, usize, usize);

/// How `x` is reached, and what is in its way, in which line, and where it is to be put before.
fn of(text: &str) -> Vec<(Reach, Option<Place>)> {
    let holds = |words: &[&str]| match words {
        ["true" | ":"] => Some(true),
        ["false"] => Some(false),
        _ => None,
    };
    let all = commands(text, &holds).into_iter();
    all.filter(|one| one.words[0].1 == "x")
        .map(|one| (one.reach, one.obstacle.map(|o| (o.word, o.line, o.before))))
        .collect()
}

#[test]
fn what_bash_gets_to() {
    use Reach::{Always, Never, Perhaps};
    for (text, expected) in [
        ("x", Always),
        ("a; x # y", Always),
        ("if a; then b; fi\nx", Always),
        ("if false; then b; else x; fi", Always),
        ("if ! false; then x; fi", Always),
        ("if true; then\n x\nfi", Always),
        ("true && x", Always),
        ("false || x", Always),
        ("{ x; }", Always),
        ("f() { return; }\nx", Always),
        ("function f {\n exit; }\nx", Always),
        ("( return ); x", Always),
        ("if false; then return; fi; x", Always),
        ("exec 3>&1\nx", Always),
        ("case a in b|c) d ;; (e) f ;; esac\nx", Always),
        ("cat <<E\nreturn\nE\nx", Always),
        ("echo return; x", Always),
        ("for f in return; do a; done; x", Always),
        ("f() { exit; }; x; f", Always),
        ("f() ( exit )\nf\nx", Always),
        ("f() { ( exit ); }; f; x", Always),
        ("f() { false && exit; }; f; x", Always),
        ("f() { return; exit; }; f; x", Always),
        ("f() { g() { exit; }; }; f; x", Always),
        ("f() { exit; }; ( f ); f | a; x", Always),
        ("f() { return 1; }; f; x", Always),
        ("if false; then f() { exit; }; fi; f; x", Always),
        ("return\nx", Never),
        ("f() { exit; }; f; x", Never),
        ("function f\n{\n exit; }\nf 1\nx", Never),
        ("f() if true; then exec a; fi; f; x", Never),
        ("f() { exit; }; g() { f; }; true && g; x", Never),
        ("f() { return; x; }", Never),
        ("a; exit 0; x", Never),
        ("exec y\nx", Never),
        ("if true; then return; fi\nx", Never),
        ("if false; then x; fi", Never),
        ("if true; then a; else x; fi", Never),
        ("if true; then a; elif b; then x; fi", Never),
        ("false && x", Never),
        ("true || { x; }", Never),
        ("false && a && x", Never),
        ("if a; then x; fi", Perhaps),
        ("if a; then b; else x; fi", Perhaps),
        ("a && x", Perhaps),
        ("[[ a ]] && return\nx", Perhaps),
        ("f() { x; }", Perhaps),
        ("f() ( x )", Perhaps),
        ("f() {\n x", Perhaps),
        ("f() { a && exit; }; f; x", Perhaps),
        ("f() { a && return; exit; }; f; x", Perhaps),
        ("f() { exit; }; a && f; x", Perhaps),
        ("f() { exit; }; a && f() { b; }; f; x", Perhaps),
        ("while a; do x; done", Perhaps),
        ("for f in a; do x; done", Perhaps),
        ("case a in b) x ;; esac", Perhaps),
        ("a | x", Perhaps),
        ("x | a", Perhaps),
        ("x &", Perhaps),
        ("( x )", Perhaps),
    ] {
        let found = of(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].0, expected, "{text}");
        assert_eq!(
            found[0].1.is_none(),
            expected == Always,
            "{text}: {found:?}"
        );
    }
}

#[test]
fn what_is_in_the_way_is_named() {
    let way = |text: &str| of(text).remove(0).1.unwrap();
    assert_eq!(way("a\n\nreturn\nx"), ("return".into(), 3, 3));
    assert_eq!(
        way("a\nif b\nthen\n  if c; then x; fi\nfi"),
        ("if".into(), 2, 2)
    );
    assert_eq!(
        way("a\nb <<E\n E\nE\nif b; then x; fi"),
        ("if".into(), 5, 5)
    );
    assert_eq!(way("a\nb && return\nreturn\nx"), ("return".into(), 3, 2));
    assert_eq!(
        way("a\nif b; then\n  return\nfi\nx"),
        ("return".into(), 3, 2)
    );
    assert_eq!(way("a \\\n  b &&\n x"), ("&&, || or |".into(), 3, 1));
    assert_eq!(way("a\nf() {\n x\n}"), ("function".into(), 2, 2));
    assert_eq!(way("f() {\n exit\n}\nf\nx"), ("f".into(), 4, 4));
}

proptest! {
    /// Whatever it is: a bashrc is anybody's text.
    #[test]
    fn any_text_is_read_to_its_end(
        parts in vec("if|then|fi|else|case|in|esac|do|done|\\[\\[|\\]\\]|f\\(\\)|<<E|return|[ -~\n\tä]", 0..40),
    ) {
        commands(&parts.join(" "), &|_| None);
        commands(&parts.concat(), &|_| Some(true));
    }
}

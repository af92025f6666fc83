//! `sccache-report doctor` on a real Portage with a real sccache.

mod cache;
mod cases;
mod database;
mod hook;
mod remote_cache;
mod settings;

use crate::support::portage::Root;
use serde_json::Value;

/// Variables and functions for scripts.
const NAMES: &str = "\
conf=/mnt/gentoo/etc/portage/make.conf bashrc=/mnt/gentoo/etc/portage/bashrc
cache=/mnt/gentoo/var/cache/sccache folder=/mnt/gentoo/var/lib/sccache-report
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"; }
";

/// The output of doctor.
struct Doctor {
    rows: Vec<Value>,
    status: String,
}

impl Doctor {
    /// Runs a script, then doctor.
    #[track_caller]
    fn after(root: &Root, script: &str) -> Self {
        Self::run(root, script, "sccache-report doctor --format json")
    }

    #[track_caller]
    fn run(root: &Root, script: &str, doctor: &str) -> Self {
        let script =
            format!("{NAMES}{script}\n{doctor} > /tmp/doctor.json; echo $? > /tmp/doctor.status");
        root.run(&["bash", "-c", &script]).ok();
        let json: Value = serde_json::from_str(&root.read("tmp/doctor.json")).unwrap();
        assert_eq!(json["schema"], 1);
        let rows = json["rows"].as_array().unwrap().clone();
        assert_eq!(rows.len(), 14, "{rows:#?}");
        let names = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&rows[0]), ["check", "state", "message", "fix"]);
        let status = root.read("tmp/doctor.status").trim().to_owned();
        let is_red = rows.iter().any(|row| row["state"] == "red");
        assert_eq!(status, if is_red { "1" } else { "0" });
        let doctor = Self { rows, status };
        doctor.assert_harmless_fixes();
        doctor
    }

    fn assert_harmless_fixes(&self) {
        for row in &self.rows {
            let fix = row["fix"].as_str().unwrap_or_default();
            let allowed = |line: &str| {
                let starts = [
                    "sccache-report setup",
                    "emerge -1 ",
                    "make install ",
                    "kill ",
                ];
                let is_find = line.starts_with("find ")
                    && line.ends_with(" -xdev -mindepth 1 -user root -delete");
                let is_chown = line.starts_with("chown portage:portage /");
                is_find || is_chown || starts.iter().any(|start| line.starts_with(start))
            };
            assert!(fix.lines().all(allowed), "{row}");
        }
    }

    /// Returns the checks in this state.
    fn checks(&self, state: &str) -> Vec<&str> {
        let rows = self.rows.iter().filter(|row| row["state"] == state);
        rows.map(|row| row["check"].as_str().unwrap()).collect()
    }

    fn row(&self, check: &str) -> &Value {
        self.rows.iter().find(|row| row["check"] == check).unwrap()
    }

    /// Asserts the state of a check and a part of its message. Returns its fix.
    #[track_caller]
    fn assert_check(&self, check: &str, state: &str, part: &str) -> &str {
        let row = self.row(check);
        let message = row["message"].as_str().unwrap();
        assert!(row["state"] == state && message.contains(part), "{row}");
        row["fix"].as_str().unwrap_or_default()
    }

    /// Asserts the red and yellow checks.
    #[track_caller]
    fn assert_only(&self, red: &[&str], yellow: &[&str]) {
        assert_eq!(self.checks("red"), red, "{:#?}", self.rows);
        assert_eq!(self.checks("yellow"), yellow, "{:#?}", self.rows);
    }
}

//! Servers, left over, too many, or out of reach.

use super::{CASE, Case, break_and_heal, on};
use crate::support::Root;

/// Until the servers that were told to end have ended.
const GONE: &str = "while [[ $(cat /proc/[0-9]*/comm) == *sccache* ]]; do :; done 2>/dev/null";

#[test]
#[ignore = "needs root and the registries: make test"]
fn one_server_at_a_time_and_none_left_behind() {
    let break_ = "for port in 5001 5002; do\n\
        setpriv --reuid portage --regid portage --clear-groups env SCCACHE_DIR=$cache SCCACHE_SERVER_PORT=$port sccache --start-server\n\
        done";
    let several = Case {
        check: "servers",
        state: "yellow",
        break_,
        after: GONE,
        ..CASE
    };
    let break_ = "SCCACHE_DIR=/tmp/other sccache --start-server";
    let left = Case {
        check: "default-port",
        state: "yellow",
        break_,
        after: GONE,
        ..CASE
    };
    break_and_heal(&[several, left]);
}

/// A WebDAV server stands in for S3 or Redis: the least that sccache needs to call it a cache.
const WEBDAV: &str = r#"
import http.server
class Dav(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    kept = {}
    def answer(self, status, body=b''):
        self.rfile.read(int(self.headers.get('Content-Length') or 0)) if self.command != 'PUT' else None
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_PUT(self):
        self.kept[self.path] = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(201)
    def do_GET(self):
        found = self.kept.get(self.path)
        self.answer(200 if found is not None else 404, found or b'')
    def do_MKCOL(self): self.answer(201)
    def do_DELETE(self): self.answer(204)
    def do_PROPFIND(self):
        kind = '<D:resourcetype><D:collection/></D:resourcetype>' if self.path.endswith('/') else '<D:resourcetype/>'
        if not self.path.endswith('/') and self.path not in self.kept: return self.answer(404)
        self.answer(207, ('<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>' + self.path +
            '</D:href><D:propstat><D:prop>' + kind + '<D:getlastmodified>Sun, 22 Nov 2026 00:00:00 GMT</D:getlastmodified>'
            '</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>').encode())
server = http.server.ThreadingHTTPServer(('127.0.0.1', 8099), Dav)
open('/tmp/dav', 'w').close()
server.serve_forever()
"#;

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_remote_cache_is_reached_by_a_server_outside_the_sandbox() {
    remote(
        "sed -i /SCCACHE_DIR/d $conf\n\
         echo 'SCCACHE_WEBDAV_ENDPOINT=\"http://127.0.0.1:8099/\"' >> $conf",
    );
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_remote_cache_may_stand_in_the_configuration_file() {
    remote(
        "sed -i /SCCACHE_DIR/d $conf; echo \"SCCACHE_CONF=\\\"${conf%/*}/c.toml\\\"\" >> $conf\n\
         echo 'cache.webdav = { endpoint = \"http://127.0.0.1:8099/\" }' > ${conf%/*}/c.toml",
    );
}

#[track_caller]
fn remote(break_: &'static str) {
    let root = Root::new();
    std::fs::write(root.file("tmp/dav.py"), WEBDAV).unwrap();
    let before = "sed -i /SCCACHE_DIR/d $conf; rmdir $cache\n\
        echo 'SCCACHE_DIR=\"/mnt/gentoo/var/cache/sccache\"' >> $conf; install -d -o portage -g portage $cache\n\
        python3 /tmp/dav.py &>/tmp/dav.log & while [[ ! -e /tmp/dav ]]; do :; done\n\
        mount -t tmpfs tmpfs /run\n\
        (cat /etc/shadow; echo 'portage:!:19000::::::') > /tmp/shadow; mount --bind /tmp/shadow /etc/shadow";
    // And a build through it is a shared one. The servers end with the test.
    let after = "emerge -1 dev-test/many-files &>/tmp/emerge.log";
    on(
        &root,
        &Case {
            check: "remote-cache",
            before,
            break_,
            after,
            ..CASE
        },
    );
    assert_eq!(
        root.builds(&[])[0]["attribution"],
        "shared",
        "{}",
        root.read("tmp/emerge.log")
    );
}

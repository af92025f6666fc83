//! What the hook says of a phase's server, and what such a server comes to.

use crate::config::variable;
use crate::sccache::{Address, NotMeasured, Stats};

/// The path socket that the hook chooses, in `${T}`.
pub(super) const PATH: &str = ".sccache-report.sock";

/// What a phase comes to: nothing to tell, numbers, or a reason why there are none.
pub(super) type Measured = Option<Result<Stats, NotMeasured>>;

/// The addresses in the environment: that of an sccache that knows sockets (0.9.0+), and the port
/// that older ones take.
pub(super) fn addresses() -> Vec<Address> {
    let (socket, port) = (
        variable("SCCACHE_SERVER_UDS"),
        variable("SCCACHE_SERVER_PORT"),
    );
    let socket = socket.map(|socket| Address::from_variables(Some(&socket), None));
    let port = port.map(|port| Address::from_variables(None, Some(&port)));
    let addresses: Vec<Address> = [socket, port].into_iter().flatten().collect();
    if addresses.is_empty() {
        vec![Address::from_variables(None, None)]
    } else {
        addresses
    }
}

//! Ctrl-C while something has to be cleaned up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

const SIGNALS: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Holds back the signals that end this process. When dropped, it ends by the one that came.
pub(super) struct HeldSignals {
    received: Vec<(i32, Arc<AtomicBool>)>,
    is_over: Arc<AtomicBool>,
}

impl HeldSignals {
    pub(super) fn new() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let received = SIGNALS.map(|signal| (signal, Arc::new(AtomicBool::new(false))));
        for (signal, flag) in &received {
            // These fail for numbers that aren't signals only.
            let _ = flag::register_conditional_default(*signal, is_over.clone());
            let _ = flag::register(*signal, flag.clone());
        }
        let received = received.to_vec();
        Self { received, is_over }
    }

    /// Returns the signal that came, if any.
    pub(super) fn received(&self) -> Option<i32> {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        let mut received = self.received.iter().filter(|(_, flag)| is_set(flag));
        received.next().map(|(signal, _)| *signal)
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(signal) = self.received() {
            let _ = low_level::emulate_default_handler(signal);
        }
    }
}

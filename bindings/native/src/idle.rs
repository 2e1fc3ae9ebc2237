//! Whether it pays to look for the next message for a moment rather than to sleep. A wake-up costs both sides some microseconds,
//! a look burns a core that Postgres may need: so only where the last pause was as short as a look, as between attempts that
//! follow each other. Whoever waits for longer sleeps, and an idle process burns nothing.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As long as JavaScript takes to hear an answer and to send the next attempt, on a machine that has other work too.
pub const LOOK: Duration = Duration::from_micros(200);

/// Pauses of one lane, under its lock.
#[derive(Default)]
pub struct Idle {
    since: Option<Instant>,
    was_brief: bool,
}

impl Idle {
    /// Somebody has found nothing.
    pub fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// The first message has come.
    pub fn end(&mut self) {
        if let Some(since) = self.since.take() {
            self.was_brief = since.elapsed() <= LOOK;
        }
    }

    /// What is to be expected of this pause.
    pub fn is_brief(&self) -> bool {
        self.was_brief
    }
}

/// Looks until it is there, at most for so long; holds no lock.
pub fn look_for(something: &AtomicBool, at_most: Duration, interrupted: &AtomicBool) {
    let began = Instant::now();
    while !something.load(Ordering::Acquire) && !interrupted.load(Ordering::Acquire) && began.elapsed() < at_most {
        for _ in 0..16 {
            std::hint::spin_loop();
        }
    }
}

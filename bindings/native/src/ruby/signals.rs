//! Signals of a process that two runtimes think is theirs. All of them are Node's, as they were before Ruby started, but for
//! two: SIGVTALRM, by which Ruby wakes its threads, and SIGCHLD, which both need to hear of their own children.
//!
//! libuv sets its handler for SIGCHLD when the first child of Node starts and takes it away after the last, Ruby's with it;
//! from then on Ruby would wait for its children for ever. So `native-host.ts` keeps libuv listening for good before it
//! starts Ruby, and ours calls both.
use std::mem::{transmute, zeroed};
use std::ptr::null;
use std::sync::OnceLock;

use libc::{c_int, c_void, sigaction, siginfo_t, SIGCHLD, SIGVTALRM, SIG_DFL, SIG_IGN};

/// The real-time signals above are nobody's.
const LAST_SIGNAL: c_int = 31;

/// What SIGCHLD did before Ruby, and what Ruby does.
static LISTENERS: OnceLock<[sigaction; 2]> = OnceLock::new();

/// What each signal does.
pub struct Signals(Vec<(c_int, sigaction)>);

impl Signals {
    pub fn now() -> Self {
        Self((1..=LAST_SIGNAL).filter_map(|signal| Some((signal, action_of(signal)?))).collect())
    }

    /// Gives back what Ruby has taken. Again and again, for Ruby takes in several steps.
    pub fn restore(&self) {
        for (signal, action) in &self.0 {
            match *signal {
                SIGVTALRM => {}
                SIGCHLD => share_with_ruby(action),
                _ => set(*signal, action),
            }
        }
    }
}

fn share_with_ruby(before: &sigaction) {
    let Some(now) = action_of(SIGCHLD) else { return };
    let ours = tell_both as *const () as usize;
    if now.sa_sigaction == ours || now.sa_sigaction == before.sa_sigaction {
        return; // from 3.3 on Ruby does without
    }
    let _ = LISTENERS.set([*before, now]);
    let mut both = *before;
    both.sa_sigaction = ours;
    both.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    set(SIGCHLD, &both);
}

/// Does what a signal handler may: it only calls two others, which are such.
extern "C" fn tell_both(signal: c_int, about: *mut siginfo_t, context: *mut c_void) {
    for listener in LISTENERS.get().into_iter().flatten() {
        let handler = listener.sa_sigaction;
        if handler == SIG_DFL || handler == SIG_IGN {
            continue;
        }
        // SAFETY: the addresses are those of handlers of the kind that the flags say
        unsafe {
            if listener.sa_flags & libc::SA_SIGINFO == 0 {
                transmute::<usize, extern "C" fn(c_int)>(handler)(signal);
            } else {
                transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(handler)(signal, about, context);
            }
        }
    }
}

fn action_of(signal: c_int) -> Option<sigaction> {
    // SAFETY: zeros are a valid action, and only what was filled in is used
    unsafe {
        let mut action = zeroed();
        (libc::sigaction(signal, null(), &mut action) == 0).then_some(action)
    }
}

fn set(signal: c_int, action: &sigaction) {
    // SAFETY: what is set was in force before, or is `tell_both`; refused only for SIGKILL and SIGSTOP, which nobody can take
    unsafe { libc::sigaction(signal, action, std::ptr::null_mut()) };
}

//! The interpreters of this process: each is started once, on a thread of its own that it never leaves, and runs one program
//! after the other.
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::answers::Kind;
use crate::memory;
use crate::program::Program;

/// Sets up its interpreter and runs programs, one after the other, until there is nobody left to send one.
type Serve = fn(Receiver<Arc<Program>>);

/// The main threads of interpreters recurse deeper than the two megabytes that Rust gives to a thread.
const STACK_BYTES: usize = 16 * 1024 * 1024;

struct Runtime {
    name: &'static str,
    serve: Serve,
    programs: Mutex<Option<Sender<Arc<Program>>>>,
}

const LANGUAGES: usize = cfg!(feature = "python") as usize + cfg!(feature = "ruby") as usize;

static RUNTIMES: [Runtime; LANGUAGES] = [
    #[cfg(feature = "python")]
    Runtime::new("python", crate::python::serve),
    #[cfg(feature = "ruby")]
    Runtime::new("ruby", crate::ruby::serve),
];

impl Runtime {
    #[allow(dead_code)] // without any language
    const fn new(name: &'static str, serve: Serve) -> Self {
        Self { name, serve, programs: Mutex::new(None) }
    }

    fn start(&self, program: Arc<Program>) -> Result<(), String> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if programs.is_none() {
            *programs = Some(self.begin()?);
        }
        let sender = programs.as_ref().ok_or("the interpreter is not there")?;
        sender.send(program).map_err(|_| format!("the interpreter of {} has ended", self.name))
    }

    fn begin(&self) -> Result<Sender<Arc<Program>>, String> {
        memory::restrain();
        let (sender, receiver) = channel();
        let serve = self.serve;
        thread::Builder::new()
            .name(format!("treadle-{}", self.name))
            .stack_size(STACK_BYTES)
            .spawn(move || serve(receiver))
            .map_err(|error| format!("no thread for {}: {error}", self.name))?;
        Ok(sender)
    }
}

/// The program begins as soon as the one before it has ended.
pub fn start(name: &str, program: Arc<Program>) -> Result<(), String> {
    let found = RUNTIMES.iter().find(|runtime| runtime.name == name);
    found.ok_or_else(|| format!("this addon was built without {name}"))?.start(program)
}

/// Runs a program, and says how it ended: `run` answers with why it could not begin.
#[allow(dead_code)] // without any language
pub fn run_program(program: &Arc<Program>, run: impl FnOnce(&Arc<Program>) -> Result<(), String>) {
    if let Err(why) = run(program) {
        program.answers.post(Kind::Failed, why.into_bytes());
    }
    program.close();
    program.answers.post(Kind::Ended, Vec::new());
}

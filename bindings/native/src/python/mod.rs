//! CPython in this process. Its main thread is ours; handlers run on threads that `treadle.native` starts, which take attempts
//! from the lanes without holding the GIL while they wait.
mod interpreter;
mod port;

use std::sync::mpsc::Receiver;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::program::Program;
use crate::runtimes::run_program;
use port::Port;

pub fn serve(programs: Receiver<Arc<Program>>) {
    let mut interpreter: Option<Result<(), String>> = None;
    for program in programs {
        let ready = interpreter.get_or_insert_with(|| interpreter::start(program.environment.as_deref())).clone();
        run_program(&program, |program| ready.and_then(|()| run(program)));
    }
}

/// `treadle.native.main(port, options)`, until the program ends.
fn run(program: &Arc<Program>) -> Result<(), String> {
    Python::attach(|python| {
        let main = python.import("treadle.native")?.getattr("main")?;
        let port = Bound::new(python, Port::new(program.clone())?)?;
        main.call1((port, &program.options)).map(drop)
    })
    .map_err(|error: PyErr| in_one_line(&error.to_string()))
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! The Ruby VM in this process. Its main thread is ours; handlers run on threads of Ruby that `treadle/native` starts, which
//! take attempts from the lanes and hold the VM's lock only while they work.
mod port;
mod signals;
mod vm;

use std::sync::mpsc::Receiver;
use std::sync::Arc;

use rb_sys::VALUE;

use crate::program::Program;
use crate::runtimes::run_program;

pub fn serve(programs: Receiver<Arc<Program>>) {
    let Ok(first) = programs.recv() else { return };
    let mut stack: VALUE = 0;
    // SAFETY: runtimes.rs calls this once, on a thread that runs nothing else; Ruby looks for its objects from `stack` on
    match unsafe { vm::start(&mut stack) } {
        Ok(vm) => {
            let mut next = Some(first);
            while let Some(program) = next {
                run_program(&program, |program| vm.run(program));
                drop(program);
                next = vm.wait_for(&programs);
            }
        }
        Err(why) => {
            for program in std::iter::once(first).chain(programs) {
                run_program(&program, |_| Err(why.clone()));
            }
        }
    }
}

//! The Ruby VM, once in a process: started on the thread that calls `start`, which is Ruby's main thread from then on. It is
//! never taken down: the process ends with its threads wherever they are, as Node ends with its own.
use std::ffi::{c_char, c_int, c_void, CString};
use std::ptr::null_mut;
use std::sync::mpsc::{Receiver, RecvError};
use std::sync::Arc;

use rb_sys::macros::{RSTRING_LEN, RSTRING_PTR};
use rb_sys::{
    rb_errinfo, rb_eval_string_protect, rb_funcallv, rb_gc_register_mark_object, rb_inspect, rb_intern, rb_protect,
    rb_set_errinfo, rb_utf8_str_new, ruby_executable_node, ruby_init_stack, ruby_options, ruby_script, ruby_setup,
    Qnil, VALUE,
};

use super::port;
use super::signals::Signals;
use crate::program::Program;

extern "C" {
    // of ruby/thread.h, which rb-sys does not read
    fn rb_thread_call_without_gvl(
        work: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
        data: *mut c_void,
        unblock: Option<unsafe extern "C" fn(*mut c_void)>,
        unblock_data: *mut c_void,
    ) -> *mut c_void;
}

/// Ruby, ready to run programs.
pub struct Vm {
    port: VALUE,
    begin: VALUE,
}

/// # Safety
/// Once in a process. `stack` lies in a frame that the thread leaves only when it ends; it is for Ruby alone from here on.
pub unsafe fn start(stack: &mut VALUE) -> Result<Vm, String> {
    let signals = Signals::now();
    let set_up = unsafe {
        ruby_init_stack((stack as *mut VALUE).cast());
        ruby_setup()
    };
    signals.restore();
    if set_up != 0 {
        return Err("Ruby could not be started".into());
    }
    let loaded = unsafe { load() };
    signals.restore();
    loaded
}

/// What `ruby -e ''` loads, with RUBYOPT and RUBYLIB; then what is ours.
unsafe fn load() -> Result<Vm, String> {
    unsafe {
        let mut arguments = [c"treadle", c"-e", c""].map(|text| text.as_ptr().cast_mut());
        let mut status = 0;
        let node = ruby_options(arguments.len() as c_int, arguments.as_mut_ptr());
        if ruby_executable_node(node, &mut status) == 0 {
            return Err(format!("Ruby could not be started (status {status}): see RUBYOPT and standard error"));
        }
        ruby_script(c"treadle".as_ptr());
        let port = protected(|_| port::define(), null_mut())?;
        let source = CString::new(include_str!("begin.rb")).map_err(|error| error.to_string())?;
        let mut failed = 0;
        let begin = rb_eval_string_protect(source.as_ptr(), &mut failed);
        rb_gc_register_mark_object(begin);
        if failed == 0 {
            Ok(Vm { port, begin })
        } else {
            Err("Ruby could not be prepared".into())
        }
    }
}

impl Vm {
    /// The next program; meanwhile other threads of Ruby run. None when there will be none.
    pub fn wait_for(&self, programs: &Receiver<Arc<Program>>) -> Option<Arc<Program>> {
        struct Wait<'host> {
            programs: &'host Receiver<Arc<Program>>,
            found: Option<Result<Arc<Program>, RecvError>>,
        }
        unsafe extern "C" fn receive(wait: *mut c_void) -> *mut c_void {
            let wait = unsafe { &mut *(wait as *mut Wait) };
            wait.found = Some(wait.programs.recv());
            null_mut()
        }
        let mut wait = Wait { programs, found: None };
        unsafe fn receive_unlocked(wait: *mut c_void) -> VALUE {
            unsafe { rb_thread_call_without_gvl(receive, wait, None, null_mut()) };
            Qnil as VALUE
        }
        loop {
            // SAFETY: on Ruby's main thread; what other threads raise in it, before or after it has received, ends here
            let _ = unsafe { protected(receive_unlocked, &raw mut wait as *mut c_void) };
            if let Some(found) = wait.found {
                return found.ok();
            }
        }
    }

    /// `Treadle::Native.main`, until the program ends.
    pub fn run(&self, program: &Arc<Program>) -> Result<(), String> {
        let given = (self, program);
        // SAFETY: on Ruby's main thread; `given` outlives the call
        unsafe {
            let why = protected(|given| call_main(given), &raw const given as *mut c_void)?;
            if why == Qnil as VALUE {
                Ok(())
            } else {
                Err(text_of(why))
            }
        }
    }
}

/// Nothing here needs to be dropped: what is raised leaps over it.
unsafe fn call_main(given: *mut c_void) -> VALUE {
    unsafe {
        let (vm, program) = &*(given as *const (&Vm, &Arc<Program>));
        let arguments = [port::new(vm.port, program), string(&program.options)];
        rb_funcallv(vm.begin, rb_intern(c"call".as_ptr()), arguments.len() as c_int, arguments.as_ptr())
    }
}

type Work = unsafe fn(*mut c_void) -> VALUE;

/// Runs what may raise. Answers with the exception as text.
unsafe fn protected(work: Work, data: *mut c_void) -> Result<VALUE, String> {
    unsafe extern "C" fn call(given: VALUE) -> VALUE {
        unsafe {
            let (work, data) = *(given as *const (Work, *mut c_void));
            work(data)
        }
    }
    let given = (work, data);
    let mut raised = 0;
    unsafe {
        let answer = rb_protect(Some(call), &raw const given as VALUE, &mut raised);
        if raised == 0 {
            return Ok(answer);
        }
        let error = rb_errinfo();
        rb_set_errinfo(Qnil as VALUE);
        let mut untold = 0;
        let text = rb_protect(Some(inspect), error, &mut untold);
        rb_set_errinfo(Qnil as VALUE);
        Err(if untold == 0 { text_of(text) } else { "Ruby raised what cannot be shown".into() })
    }
}

unsafe extern "C" fn inspect(error: VALUE) -> VALUE {
    unsafe { rb_inspect(error) }
}

unsafe fn string(text: &str) -> VALUE {
    unsafe { rb_utf8_str_new(text.as_ptr().cast::<c_char>(), text.len() as _) }
}

unsafe fn text_of(string: VALUE) -> String {
    let bytes = unsafe {
        let length = usize::try_from(RSTRING_LEN(string)).unwrap_or_default();
        std::slice::from_raw_parts(RSTRING_PTR(string).cast::<u8>(), length)
    };
    String::from_utf8_lossy(bytes).into_owned()
}

//! Starts CPython, once: without signal handlers (signals are Node's), with the virtual environment that was asked for, and
//! with libpython open to C extensions, which expect its symbols to be there.
use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use pyo3::ffi;

/// Answers with one line when it cannot. `environment`: a virtual environment, or the program of one.
pub fn start(environment: Option<&str>) -> Result<(), String> {
    let library = library()?;
    open_to_extensions(&library)?;
    let program = program(environment.map(Path::new), &library)?;
    initialise(&program)?;
    // SAFETY: this thread has just started the interpreter and holds the GIL, which others need from now on
    unsafe { ffi::PyEval_SaveThread() };
    Ok(())
}

/// The file that CPython was loaded from.
fn library() -> Result<PathBuf, String> {
    // SAFETY: zeros are a valid Dl_info, and the strings in it live as long as the library, for ever
    let name = unsafe {
        let mut found: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(ffi::Py_IsInitialized as *const _, &mut found) == 0 || found.dli_fname.is_null() {
            return Err("libpython cannot be found in this process".into());
        }
        CStr::from_ptr(found.dli_fname).to_bytes().to_vec()
    };
    Ok(PathBuf::from(OsString::from_vec(name)))
}

/// Node opens addons, and what they need, for themselves alone.
fn open_to_extensions(library: &Path) -> Result<(), String> {
    let name = CString::new(library.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: it is open already, so that nothing of it runs here
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL | libc::RTLD_NOLOAD) };
    if handle.is_null() {
        return Err(format!("{} cannot be opened to C extensions", library.display()));
    }
    Ok(())
}

/// The program that Python takes itself for: from it follow the standard library, and the packages of a virtual environment.
fn program(environment: Option<&Path>, library: &Path) -> Result<PathBuf, String> {
    let version = version();
    let Some(given) = environment else {
        return own_program(library, &version);
    };
    let program = if given.is_dir() { given.join("bin").join("python") } else { given.to_path_buf() };
    let home = program.parent().and_then(Path::parent).unwrap_or(given);
    if program.exists() && home.join("lib").join(format!("python{version}")).is_dir() {
        return Ok(program);
    }
    Err(format!(
        "expected a virtual environment of Python {version}, for which this addon was built, came {}: make one with \
         \"python{version} -m venv\", or build the addon for its Python (TREADLE_NATIVE_PYTHON=<its python> npm run build:native)",
        given.display()
    ))
}

fn own_program(library: &Path, version: &str) -> Result<PathBuf, String> {
    let prefixes = library.ancestors().skip(1);
    let programs = prefixes.map(|prefix| prefix.join("bin").join(format!("python{version}")));
    let found = programs.into_iter().find(|program| program.exists());
    found.ok_or_else(|| format!("no python{version} beside {}: install it", library.display()))
}

fn version() -> String {
    // SAFETY: a constant of the library, as `3.11.2 (main, ...)`
    let text = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy();
    text.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn initialise(program: &Path) -> Result<(), String> {
    // SAFETY: the structures are initialised before they are used and cleared at the end; the strings outlive the calls
    unsafe {
        let mut before = std::mem::zeroed::<ffi::PyPreConfig>();
        ffi::PyPreConfig_InitPythonConfig(&mut before);
        before.parse_argv = 0;
        before.coerce_c_locale = 0; // it would change the environment, which Node may be reading
        checked(ffi::Py_PreInitialize(&before))?;
        let mut config = std::mem::zeroed::<ffi::PyConfig>();
        ffi::PyConfig_InitPythonConfig(&mut config);
        let done = fill(&mut config, program).and_then(|()| checked(ffi::Py_InitializeFromConfig(&config)));
        ffi::PyConfig_Clear(&mut config);
        done
    }
}

unsafe fn fill(config: &mut ffi::PyConfig, program: &Path) -> Result<(), String> {
    config.parse_argv = 0;
    config.install_signal_handlers = 0;
    config.configure_c_stdio = 0;
    let program = CString::new(program.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    let place: *mut *mut libc::wchar_t = &mut config.executable;
    unsafe { checked(ffi::PyConfig_SetBytesString(config, place, program.as_ptr())) }
}

unsafe fn checked(status: ffi::PyStatus) -> Result<(), String> {
    if unsafe { ffi::PyStatus_Exception(status) } == 0 {
        return Ok(());
    }
    if status.err_msg.is_null() {
        return Err("Python could not be started".into());
    }
    let words = unsafe { CStr::from_ptr(status.err_msg) };
    Err(format!("Python could not be started: {}", words.to_string_lossy()))
}

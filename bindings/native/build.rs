//! What the linker must know: the symbols of Node, and where libpython lies when that is no place of the system.
fn main() {
    napi_build::setup();
    #[cfg(feature = "python")]
    pyo3_build_config::add_libpython_rpath_link_args();
}

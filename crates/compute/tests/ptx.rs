//! The kernels compile for every generation of cards, without a card.
//!
//! Needs NVRTC: the one of the system, or that of the directory that MFENX_NVRTC names, such as
//! `nvidia/cu13/lib` of the Python package nvidia-cuda-nvrtc.

#![cfg(all(feature = "cuda", target_os = "linux"))]
#![allow(unsafe_code)] // the library is C
#![allow(clippy::disallowed_methods)] // and found through the environment
#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

use mfenx_compute::cuda::{Unavailable, compile};
use std::{
    ffi::{CString, c_char, c_int, c_void},
    path::{Path, PathBuf},
};

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
}

/// Loads the libraries of a directory, so that they are found under their own names.
fn load(directory: &Path) {
    let mut libraries: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("MFENX_NVRTC: {}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("libnvrtc") && !name.contains(".alt.")
        })
        .collect();
    // The longer name first: NVRTC wants its builtins.
    libraries.sort_by_key(|path| std::cmp::Reverse(path.as_os_str().len()));
    assert!(!libraries.is_empty(), "MFENX_NVRTC: no libnvrtc in {}", directory.display());
    for library in libraries {
        let path = CString::new(library.to_str().unwrap()).unwrap();
        // SAFETY: whoever sets the variable wants this library loaded.
        assert!(
            !unsafe { dlopen(path.as_ptr(), 2) }.is_null(),
            "{} does not load",
            library.display()
        );
    }
}

#[test]
fn the_kernels_compile_for_every_generation() {
    if let Some(directory) = std::env::var_os("MFENX_NVRTC") {
        load(Path::new(&directory));
    }
    for (architecture, tensor_cores) in [
        ("compute_75", false),
        ("compute_80", true),
        ("compute_86", true),
        ("compute_89", true),
        ("compute_90", true),
        ("compute_100", true),
    ] {
        let ptx = match compile(architecture) {
            Ok(ptx) => ptx,
            Err(Unavailable::NoCompiler) => {
                eprintln!("SKIPPED: no NVRTC on this machine, and MFENX_NVRTC is not set");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        for kernel in ["expand", "product_dp4a", "chunk_roots", "row_roots"] {
            assert!(ptx.contains(&format!(".entry {kernel}(")), "{architecture}: {kernel}");
        }
        assert!(ptx.contains("dp4a.s32.s32"), "{architecture}");
        assert_eq!(ptx.contains(".entry product_mma("), tensor_cores, "{architecture}");
        assert_eq!(ptx.contains("mma.sync.aligned.m16n8k32"), tensor_cores, "{architecture}");
        assert_eq!(ptx.contains("cp.async.cg.shared.global"), tensor_cores, "{architecture}");
    }
}

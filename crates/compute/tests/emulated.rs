//! The whole CUDA backend on cards that are this processor: the kernels compiled as plain C++, a
//! driver, an NVRTC and a cuBLASLt that run them. See emulator/ beside this file for what they are
//! strict about. Without a C++ compiler nothing of this is tested, which is said.
//!
//! The libraries are loaded before the backend looks for them, under their real names, so that it
//! finds these; a real card has tests of its own, in another program.

#![cfg(all(feature = "cuda", feature = "test-support", target_os = "linux"))]
#![allow(unsafe_code)] // the emulator is C
#![allow(clippy::disallowed_methods)] // and its compiler a process
#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mfenx_compute::{
    Backend, BackendError, Prover, Reference, Task, conformance,
    cuda::{CudaBackend, CudaOptions, Product, Unavailable, compile, devices},
    unwatched, verify,
};
use std::{
    ffi::{CStr, CString, c_char, c_int, c_long, c_void},
    mem::transmute,
    ops::ControlFlow,
    path::Path,
    process::Command,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
}

const NOW: c_int = 2;
const GIB: u64 = 1 << 30;

type Set = unsafe extern "C" fn(c_int, c_int, c_int, u64);
type Fail = unsafe extern "C" fn(c_long);
type Lie = unsafe extern "C" fn(*const c_char);
type Violations = unsafe extern "C" fn() -> c_long;
type MemoryInUse = unsafe extern "C" fn() -> u64;

/// What the tests tell the emulator.
struct Emulator {
    set: Set,
    fail: Fail,
    lie: Lie,
    violations: Violations,
    memory_in_use: MemoryInUse,
}

static EMULATOR: LazyLock<Option<Emulator>> = LazyLock::new(build);
static IN_USE: Mutex<()> = Mutex::new(());

fn compile_library(name: &str, source: &str, to: &Path) -> Option<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kernels = root.join("src/cuda/kernels");
    let run = Command::new("c++")
        .args(["-std=c++17", "-O2", "-U_FORTIFY_SOURCE", "-fPIC", "-shared", "-Wall"])
        .args(["-Wno-unknown-pragmas", "-o"])
        .arg(to.join(name))
        .arg(format!("-Wl,-soname,{name}"))
        .arg(format!("-I{}", kernels.display()))
        .arg(root.join("tests/emulator").join(source))
        .output();
    let output = match run {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: no emulated card, c++ does not run: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

fn load(path: &Path) -> *mut c_void {
    let path = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a library that this test has just built.
    unsafe {
        let library = dlopen(path.as_ptr(), NOW | GLOBAL);
        assert!(!library.is_null(), "{}", CStr::from_ptr(dlerror()).to_string_lossy());
        library
    }
}

/// cuBLASLt's stand-in takes a function from the driver's.
const GLOBAL: c_int = 0x100;

fn build() -> Option<Emulator> {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator");
    std::fs::create_dir_all(&to).unwrap();
    let sources = [
        ("libcuda.so", "driver.cpp"),
        ("libnvrtc.so", "nvrtc.cpp"),
        ("libcublasLt.so", "cublaslt.cpp"),
    ];
    let mut libraries = Vec::new();
    for (name, source) in sources {
        compile_library(name, source, &to)?;
        libraries.push(load(&to.join(name)));
    }
    let symbol = |name: &CStr| {
        // SAFETY: the driver's library is loaded, and never unloaded.
        let found = unsafe { dlsym(libraries[0], name.as_ptr()) };
        assert!(!found.is_null(), "{name:?}");
        found
    };
    // SAFETY: the types are those of driver.cpp.
    unsafe {
        Some(Emulator {
            set: transmute::<*mut c_void, Set>(symbol(c"emulator_set")),
            fail: transmute::<*mut c_void, Fail>(symbol(c"emulator_fail")),
            lie: transmute::<*mut c_void, Lie>(symbol(c"emulator_lie")),
            violations: transmute::<*mut c_void, Violations>(symbol(c"emulator_violations")),
            memory_in_use: transmute::<*mut c_void, MemoryInUse>(symbol(c"emulator_memory_in_use")),
        })
    }
}

/// An emulated machine, for one test at a time.
struct Machine(&'static Emulator, #[allow(dead_code)] MutexGuard<'static, ()>);

impl Machine {
    /// With so many cards of a compute capability (times ten), each of so many bytes.
    fn new(cards: i32, capability: i32, memory: u64) -> Option<Self> {
        Self::with_driver(cards, capability, memory, 13_000)
    }

    fn with_driver(cards: i32, capability: i32, memory: u64, driver: i32) -> Option<Self> {
        let guard = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let emulator = EMULATOR.as_ref()?;
        // SAFETY: no other test uses it.
        unsafe { (emulator.set)(cards, capability, driver, memory) };
        Some(Self(emulator, guard))
    }

    fn fail_after(&self, launches: i64) {
        // SAFETY: writes a number.
        unsafe { (self.0.fail)(launches) };
    }

    fn lie(&self, kernel: &CStr) {
        // SAFETY: copies a string.
        unsafe { (self.0.lie)(kernel.as_ptr()) };
    }

    /// Nothing was written outside of a buffer, and everything was given back.
    fn is_clean(&self) {
        // SAFETY: reads numbers.
        unsafe {
            assert_eq!((self.0.violations)(), 0, "bytes written outside of buffers");
            assert_eq!((self.0.memory_in_use)(), 0, "bytes never given back");
        }
    }
}

fn by(product: Product) -> CudaOptions {
    CudaOptions { product: Some(product), ..CudaOptions::default() }
}

fn conforms(capability: i32, product: Product) {
    let Some(machine) = Machine::new(1, capability, GIB) else { return };
    let backend = CudaBackend::new(&by(product)).unwrap();
    assert_eq!(backend.name(), format!("cuda: Emulated 0 ({})", product.name()));
    assert_eq!(conformance::check(&backend), Ok(()));
    drop(backend);
    machine.is_clean();
}

#[test]
fn the_dp4a_kernel_conforms() {
    conforms(75, Product::Dp4a);
}

#[test]
fn the_tensor_core_kernel_conforms() {
    conforms(80, Product::TensorCores);
}

#[test]
fn cublaslt_is_called_as_it_wants() {
    conforms(90, Product::CublasLt);
}

fn task(m: u32, k: u32, p: u32) -> Task {
    Task::new([m as u8 ^ p as u8; 32], m, k, p, 2).unwrap()
}

/// Row roots and an opening, against the reference.
fn agrees(backend: &dyn Backend, task: Task) {
    let mut prover = Prover::new(task);
    prover.run(backend, &unwatched).unwrap();
    let mut expected = Prover::new(task);
    expected.run(&Reference, &unwatched).unwrap();
    assert_eq!(prover.row_roots(), expected.row_roots());
    let proof = prover.open(backend, &[3; 32], 16, &unwatched).unwrap();
    assert_eq!(verify(&task, expected.roots(), &[3; 32], 16, &proof), Ok(()));
}

#[test]
fn rows_and_columns_are_tiled_when_memory_is_short() {
    let Some(machine) = Machine::new(1, 75, 1 << 20) else { return };
    let backend = CudaBackend::new(&by(Product::Dp4a)).unwrap();
    // Two tiles of columns and a last one of five; 17 rows by as many as fit.
    agrees(&backend, task(17, 60, 8197));
    // Seventeen chunks of columns would not be a task; sixteen are.
    agrees(&backend, task(3, 1, 65_536));
    drop(backend);
    machine.is_clean();
}

#[test]
fn several_cards_share_the_rows() {
    let Some(machine) = Machine::new(3, 75, GIB) else { return };
    let backend = CudaBackend::new(&by(Product::Dp4a)).unwrap();
    assert_eq!(backend.devices().count(), 3);
    agrees(&backend, task(700, 20, 40));
    agrees(&backend, task(2, 20, 40));
    let one = CudaOptions { devices: vec![2], ..by(Product::Dp4a) };
    let one = CudaBackend::new(&one).unwrap();
    assert_eq!(one.devices().map(|(device, _)| device.ordinal).collect::<Vec<_>>(), [2]);
    drop((backend, one));
    machine.is_clean();
}

#[test]
fn the_fastest_way_that_tells_the_truth_is_taken() {
    let Some(machine) = Machine::new(1, 80, GIB) else { return };
    let chosen = |machine: &Machine, lying: &CStr, options: &CudaOptions| {
        machine.lie(lying);
        CudaBackend::new(options).map(|backend| backend.devices().map(|(_, way)| way).next())
    };
    let any = CudaOptions::default();
    assert_eq!(chosen(&machine, c"", &any), Ok(Some(Product::CublasLt)));
    let tensor = by(Product::TensorCores);
    assert_eq!(chosen(&machine, c"product_dp4a", &tensor), Ok(Some(Product::TensorCores)));
    let wrong = chosen(&machine, c"product_mma", &tensor);
    assert!(matches!(&wrong, Err(Unavailable::Wrong { .. })), "{wrong:?}");
    let wrong = chosen(&machine, c"chunk_roots", &any);
    let Err(Unavailable::Wrong { reasons, .. }) = &wrong else { panic!("{wrong:?}") };
    assert_eq!(reasons.matches("differs from the reference").count(), 3, "{reasons}");
    drop(machine);
    let Some(_old) = Machine::new(1, 75, GIB) else { return };
    let none = CudaBackend::new(&by(Product::TensorCores)).unwrap_err();
    assert!(none.to_string().contains("no int8 tensor cores"), "{none}");
}

#[test]
fn what_is_missing_is_said() {
    let options = CudaOptions::default();
    let Some(machine) = Machine::new(0, 80, GIB) else { return };
    assert_eq!(CudaBackend::new(&options).unwrap_err(), Unavailable::NoDevice);
    drop(machine);
    let Some(machine) = Machine::with_driver(1, 80, GIB, 11_080) else { return };
    assert_eq!(devices().unwrap_err(), Unavailable::OldDriver((11, 8)));
    drop(machine);
    let Some(machine) = Machine::new(1, 60, GIB) else { return };
    assert_eq!(devices().unwrap().len(), 1);
    assert!(matches!(CudaBackend::new(&options).unwrap_err(), Unavailable::OldDevice { .. }));
    let other = CudaOptions { devices: vec![1], ..options };
    let none = Unavailable::NoSuchDevice { ordinal: 1, count: 1 };
    assert_eq!(CudaBackend::new(&other).unwrap_err(), none);
    let Err(Unavailable::Compiler { log, .. }) = compile("compute_70") else { panic!() };
    assert!(log.contains("no such hardware"));
    drop(machine);
    let Some(_machine) = Machine::new(2, 89, GIB) else { return };
    let second = devices().unwrap().pop().unwrap();
    assert_eq!((second.ordinal, second.name.as_str()), (1, "Emulated 1"));
    assert_eq!((second.capability, second.driver_cuda), ((8, 9), (13, 0)));
    assert_eq!((second.memory_bytes, second.pci_address.as_str()), (GIB, "0000:02:00.0"));
}

#[test]
fn a_failure_or_an_interruption_leaves_a_card_that_works() {
    let Some(machine) = Machine::new(1, 75, 1 << 20) else { return };
    let backend = CudaBackend::new(&by(Product::Dp4a)).unwrap();
    let task = task(20, 60, 8000);
    let round = task.round([9; 32]);
    let expected = Reference.row_roots(&round, &unwatched).unwrap();
    for launch in 0..12 {
        machine.fail_after(launch);
        let failed = backend.row_roots(&round, &unwatched).unwrap_err();
        assert!(matches!(&failed, BackendError::Device(what) if what.contains("Emulated 0")));
        let stop = |_| ControlFlow::Break(());
        assert_eq!(backend.row_roots(&round, &stop), Err(BackendError::Interrupted));
        assert_eq!(backend.row_roots(&round, &unwatched), Ok(expected.clone()));
    }
    let large = Task::new([0; 32], 1, 32_768, 1, 1).unwrap().round([0; 32]);
    let small = CudaOptions { memory_max: Some(10_000), ..by(Product::Dp4a) };
    let none = CudaBackend::new(&small);
    assert!(matches!(&none, Err(Unavailable::Wrong { .. })), "{none:?}");
    let small = CudaOptions { memory_max: Some(60_000), ..by(Product::Dp4a) };
    let small = CudaBackend::new(&small).unwrap();
    let none = small.row_roots(&large, &unwatched);
    assert!(matches!(&none, Err(BackendError::Memory(_))), "{none:?}");
    drop((backend, small));
    machine.is_clean();
}

#[test]
fn the_watch_is_told_all_multiply_adds() {
    let Some(_machine) = Machine::new(2, 75, GIB) else { return };
    let backend = CudaBackend::new(&by(Product::Dp4a)).unwrap();
    let round = task(300, 9, 11).round([1; 32]);
    let told = Mutex::new(0_u64);
    let watch = |more: u64| {
        *told.lock().unwrap() += more;
        ControlFlow::Continue(())
    };
    backend.row_roots(&round, &watch).unwrap();
    assert_eq!(*told.lock().unwrap(), round.multiply_adds());
}

//! What CUDA has on this machine.

use cudarc::driver::{CudaContext, DriverError, result, sys};
use std::{ffi::c_char, sync::Arc};

/// The driver must speak this version of CUDA or a later one: 12.1.
const DRIVER_MIN: i32 = 12_010;

/// The oldest compute capability with an instruction for four int8 multiply-adds.
const CAPABILITY_MIN: (i32, i32) = (6, 1);

/// A card, as the driver describes it. Nothing of this is proof of anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaDevice {
    /// The number that CUDA gives it, from 0.
    pub ordinal: usize,
    /// The name of the model.
    pub name: String,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Compute capability, major and minor.
    pub capability: (u32, u32),
    /// Domain, bus, device and function, such as `0000:01:00.0`.
    pub pci_address: String,
    /// The version of CUDA that the driver speaks, major and minor. Not that of the driver package.
    pub driver_cuda: (u32, u32),
}

/// Why there is no backend on cards.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// No driver: no card, or no use of it from here.
    #[error("there is no CUDA driver on this machine")]
    NoDriver,
    /// The driver is older than the calls that are made.
    #[error("the driver speaks CUDA {}.{}, at least 12.1 is needed", .0.0, .0.1)]
    OldDriver((u32, u32)),
    /// A driver without a card.
    #[error("the CUDA driver has no device")]
    NoDevice,
    /// A device that is asked for is not there.
    #[error("there is no device {ordinal}: the driver has {count}")]
    NoSuchDevice {
        /// The one asked for.
        ordinal: usize,
        /// Devices that there are.
        count: usize,
    },
    /// The card has no int8 instructions.
    #[error("{name} has compute capability {}.{}, at least 6.1 is needed", .capability.0, .capability.1)]
    OldDevice {
        /// The card.
        name: String,
        /// What it has.
        capability: (u32, u32),
    },
    /// Kernels cannot be compiled.
    #[error("there is no NVRTC library (libnvrtc, part of the CUDA toolkit) on this machine")]
    NoCompiler,
    /// NVRTC refuses the kernels, mostly because it does not know the card any more, or not yet.
    #[error("the kernels do not compile for {architecture}: {log}")]
    Compiler {
        /// What they were compiled for.
        architecture: String,
        /// What NVRTC says.
        log: String,
    },
    /// A call of the driver failed.
    #[error("the CUDA driver: {0}")]
    Driver(String),
    /// No way of multiplying works on this card.
    #[error("{name} fails its first check: {reasons}")]
    Wrong {
        /// The card.
        name: String,
        /// Each way and what was wrong with it.
        reasons: String,
    },
}

impl From<DriverError> for Unavailable {
    fn from(error: DriverError) -> Self {
        Self::Driver(error.to_string())
    }
}

/// The cards that the driver has, whatever they can do.
///
/// # Errors
/// When there is no driver, it is too old, it fails, or has no device.
pub fn devices() -> Result<Vec<CudaDevice>, Unavailable> {
    let driver_cuda = driver()?;
    let count = CudaContext::device_count()?;
    let devices: Vec<_> = (0..count)
        .map(|ordinal| describe(ordinal, driver_cuda))
        .collect::<Result<_, DriverError>>()?;
    if devices.is_empty() { Err(Unavailable::NoDevice) } else { Ok(devices) }
}

/// A context on a card that can do the work.
pub(super) fn open(device: &CudaDevice) -> Result<Arc<CudaContext>, Unavailable> {
    let (major, minor) = device.capability;
    if (major as i32, minor as i32) < CAPABILITY_MIN {
        let (name, capability) = (device.name.clone(), device.capability);
        return Err(Unavailable::OldDevice { name, capability });
    }
    let context = CudaContext::new(device.ordinal)?;
    // A thread that waits for the card sleeps.
    context.set_blocking_synchronize()?;
    // SAFETY: the events that the crate keeps for each buffer know its last reader alone, which is
    // not enough for two lanes that read B. The pipeline orders its streams with events of its own,
    // and buffers are freed behind a wait for both streams.
    unsafe { context.disable_event_tracking() };
    Ok(context)
}

/// The version of CUDA that the driver speaks.
fn driver() -> Result<(u32, u32), Unavailable> {
    // SAFETY: loads the library, as every call below would, but tells instead of panicking.
    if !unsafe { sys::is_culib_present() } {
        return Err(Unavailable::NoDriver);
    }
    let mut version = 0;
    // SAFETY: writes one integer, and may be called before anything else.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result()?;
    let pair = ((version / 1000) as u32, (version % 1000 / 10) as u32);
    if version < DRIVER_MIN {
        return Err(Unavailable::OldDriver(pair));
    }
    match result::init() {
        Ok(()) => Ok(pair),
        Err(DriverError(sys::CUresult::CUDA_ERROR_NO_DEVICE)) => Err(Unavailable::NoDevice),
        Err(error) => Err(error.into()),
    }
}

fn describe(ordinal: i32, driver_cuda: (u32, u32)) -> Result<CudaDevice, DriverError> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let device = result::device::get(ordinal)?;
    let mut address: [c_char; 32] = [0; 32];
    // SAFETY: the driver writes at most as many bytes as it is told, with a zero at the end.
    unsafe { sys::cuDeviceGetPCIBusId(address.as_mut_ptr(), 32, device) }.result()?;
    let pci_address = address.iter().take_while(|byte| **byte != 0);
    // SAFETY: `device` comes from the driver.
    let (memory_bytes, major, minor) = unsafe {
        (
            result::device::total_mem(device)? as u64,
            result::device::get_attribute(device, MAJOR)?,
            result::device::get_attribute(device, MINOR)?,
        )
    };
    Ok(CudaDevice {
        ordinal: ordinal as usize,
        name: result::device::get_name(device)?,
        memory_bytes,
        capability: (major as u32, minor as u32),
        pci_address: pci_address.map(|byte| *byte as u8 as char).collect(),
        driver_cuda,
    })
}

//! What a worker says of its device: NVML, the driver's library, the PCI bus. Each may be absent, and
//! then counts nothing; only the benchmark measures.

use crate::{error::WorkerError, interface::ICompute::Device};
use alloy_primitives::{B256, keccak256};
use nvml_wrapper::{Nvml, error::NvmlError};
use serde::Serialize;
use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What CPU workers declare as their driver; chains that admit them list it.
const CPU_DRIVER: &[u8] = b"mfenx cpu backend v1";
/// A driver library is tens of MiB.
const LIBRARY_BYTES_MAX: u64 = 1 << 30;
/// Where distributions keep the driver's library.
const LIBRARY_DIRECTORIES: [&str; 5] =
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/aarch64-linux-gnu", "/lib64"];
const LIBRARY: &str = "libcuda.so.1";
/// Where the kernel shows the bus.
const BUS: &str = "/sys/bus/pci/devices";

/// A device as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Detected {
    /// Its name for people.
    pub name: String,
    /// Of a card its place on the bus, such as `0000:01:00.0`.
    pub place: Option<String>,
    /// BLAKE3 of what NVML says.
    pub nvml: Option<B256>,
    /// Of a GPU BLAKE3 of the driver's library.
    pub driver: Option<B256>,
    /// Vendor, device and subsystem, as NVML and the kernel agree.
    pub pci: Option<B256>,
    /// BLAKE3 of what identifies this card.
    pub fingerprint: Option<B256>,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// What could not be found, and why.
    pub notes: Vec<String>,
}

impl Detected {
    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Detected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |value: &Option<B256>| {
            value.map_or_else(|| "none".to_owned(), |value| value.to_string())
        };
        write!(
            f,
            "{}: {} MiB, driver {}, PCI {}, NVML {}",
            self.name,
            self.memory_bytes >> 20,
            known(&self.driver),
            known(&self.pci),
            known(&self.nvml)
        )?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl From<&Detected> for Device {
    fn from(found: &Detected) -> Self {
        Self {
            nvml: found.nvml.unwrap_or_default(),
            driver: found.driver.unwrap_or_default(),
            pci: found.pci.unwrap_or_default(),
            fingerprint: found.fingerprint.unwrap_or_default(),
            memoryBytes: found.memory_bytes,
        }
    }
}

/// This machine without a GPU.
///
/// # Errors
/// The kernel does not say how much memory there is.
pub fn detect_cpu() -> Result<Detected, WorkerError> {
    let path = Path::new("/proc/meminfo");
    let failed = |source| WorkerError::File { path: path.into(), source };
    let text = fs::read_to_string(path).map_err(failed)?;
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    let kilobytes = kilobytes.ok_or_else(|| WorkerError::Format {
        path: path.into(),
        reason: "it has no line MemTotal".into(),
    })?;
    Ok(Detected {
        name: "CPU".into(),
        driver: Some(keccak256(CPU_DRIVER)),
        memory_bytes: kilobytes.saturating_mul(1024),
        notes: vec!["a CPU has no NVML and no PCI id".into()],
        ..Detected::default()
    })
}

/// The cards that NVML names; none without NVML, with the reason.
pub fn detect_gpus() -> (Vec<Detected>, Option<String>) {
    let nvml = match Nvml::init() {
        Ok(nvml) => nvml,
        Err(error) => return (Vec::new(), Some(without_nvml(&error))),
    };
    let count = nvml.device_count().unwrap_or_default();
    let driver = driver_hash();
    let cards = (0..count).filter_map(|index| card(&nvml, index, &driver)).collect();
    (cards, None)
}

/// Why there is no NVML.
fn without_nvml(error: &NvmlError) -> String {
    match error {
        // What the loader says names files that nobody here has asked for.
        NvmlError::LibloadingError(_) => "no CUDA driver found".into(),
        error => format!("the driver's NVML: {error}"),
    }
}

fn card(nvml: &Nvml, index: u32, driver: &Result<B256, String>) -> Option<Detected> {
    let device = nvml.device_by_index(index).ok()?;
    let name = device.name().unwrap_or_else(|_| format!("card {index}"));
    let (mut notes, mut said) = (Vec::new(), vec![name.clone()]);
    said.extend(nvml.sys_driver_version());
    let uuid = device.uuid().ok();
    said.extend(uuid.clone());
    let memory_bytes = device.memory_info().map(|memory| memory.total).unwrap_or_default();
    said.push(memory_bytes.to_string());
    let mut place = None;
    let pci = match device.pci_info() {
        Ok(info) => {
            said.push(info.bus_id.clone());
            let bus_id = place.insert(kernel_place(&info.bus_id));
            pci_id(Path::new(BUS), bus_id, info.pci_device_id, info.pci_sub_system_id)
        }
        Err(error) => Err(format!("NVML has no PCI data: {error}")),
    };
    let pci = pci.map_err(|reason| notes.push(reason)).ok();
    let driver = driver.as_ref().map_err(|reason| notes.push(reason.clone())).ok().copied();
    let nvml = Some(B256::from(*blake3::hash(said.join("\n").as_bytes()).as_bytes()));
    let fingerprint = uuid.map(|uuid| B256::from(*blake3::hash(uuid.as_bytes()).as_bytes()));
    Some(Detected { name, place, nvml, driver, pci, fingerprint, memory_bytes, notes })
}

/// BLAKE3 of the library that the driver installs.
fn driver_hash() -> Result<B256, String> {
    let found = LIBRARY_DIRECTORIES.iter().map(|directory| Path::new(directory).join(LIBRARY));
    let path: PathBuf = found
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| format!("{LIBRARY} was not found"))?;
    hash_file(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn hash_file(path: &Path) -> io::Result<B256> {
    let mut hasher = blake3::Hasher::new();
    let mut file = fs::File::open(path)?.take(LIBRARY_BYTES_MAX);
    io::copy(&mut file, &mut hasher)?;
    Ok(B256::from(*hasher.finalize().as_bytes()))
}

/// A place on the bus as the kernel writes it: NVML's domain has eight digits, the kernel's four.
fn kernel_place(place: &str) -> String {
    let place = place.to_ascii_lowercase();
    match place.split_once(':') {
        Some((domain, rest)) if domain.len() == 8 => {
            format!("{}:{rest}", domain.get(4..).unwrap_or_default())
        }
        _ => place,
    }
}

/// What NVML says, if the kernel says the same of the card in that place: device and vendor, then
/// subsystem device and vendor, 16 bits each, right-aligned.
fn pci_id(bus: &Path, place: &str, device: u32, subsystem: Option<u32>) -> Result<B256, String> {
    let directory = bus.join(place);
    let read = |name: &str| -> Result<u32, String> {
        let path = directory.join(name);
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let digits = text.trim().trim_start_matches("0x");
        u32::from_str_radix(digits, 16).map_err(|e| format!("{}: {e}", path.display()))
    };
    let kernel = read("device")? << 16 | read("vendor")?;
    if kernel != device {
        return Err(format!("NVML says the card at {place} is {device:08x}, the bus {kernel:08x}"));
    }
    let kernel_subsystem = read("subsystem_device")? << 16 | read("subsystem_vendor")?;
    if subsystem.is_some_and(|subsystem| subsystem != kernel_subsystem) {
        return Err(format!("NVML and the bus differ on the maker of the card at {place}"));
    }
    let id = u64::from(device) << 32 | u64::from(kernel_subsystem);
    Ok(B256::left_padding_from(&id.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bus_must_agree() {
        let bus = tempfile::tempdir().unwrap();
        let place = bus.path().join("0000:1b:00.0");
        fs::create_dir(&place).unwrap();
        let write = |name: &str, text: &str| fs::write(place.join(name), text).unwrap();
        write("vendor", "0x10de\n");
        write("device", "0x2330\n");
        write("subsystem_vendor", "0x10de\n");
        write("subsystem_device", "0x16c1\n");
        let id =
            pci_id(bus.path(), &kernel_place("00000000:1B:00.0"), 0x2330_10de, Some(0x16c1_10de))
                .unwrap();
        assert_eq!(id, B256::left_padding_from(&0x2330_10de_16c1_10de_u64.to_be_bytes()));
        let other = pci_id(bus.path(), "0000:1b:00.0", 0x2331_10de, None).unwrap_err();
        assert!(other.contains("233110de"), "{other}");
        let maker = pci_id(bus.path(), "0000:1b:00.0", 0x2330_10de, Some(1)).unwrap_err();
        assert!(maker.contains("maker"), "{maker}");
        assert!(pci_id(bus.path(), "0000:1c:00.0", 1, None).is_err());
    }

    #[test]
    fn a_cpu_declares_what_chains_list() {
        let found = detect_cpu().unwrap();
        assert_eq!(found.driver, Some(keccak256("mfenx cpu backend v1")));
        assert!(found.memory_bytes > 1 << 28 && found.pci.is_none() && found.nvml.is_none());
        let device = Device::from(&found);
        assert_eq!(device.pci, B256::ZERO);
    }

    #[test]
    fn without_nvml_there_is_a_reason() {
        let (cards, reason) = detect_gpus();
        let Some(reason) = reason else { return };
        assert!(cards.is_empty(), "{cards:?}");
        assert!(reason == "no CUDA driver found" || reason.contains("NVML"), "{reason}");
        assert!(!reason.contains(".so"), "the loader's words: {reason}");
    }

    #[test]
    fn other_troubles_with_nvml_keep_their_words() {
        let text = without_nvml(&NvmlError::NoPermission);
        assert!(text.contains("NVML") && text.contains("permission"), "{text}");
    }
}

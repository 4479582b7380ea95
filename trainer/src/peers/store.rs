//! What processes tell each other beside tensors: libtorch's TCPStore, words under names.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::time::Duration;

use super::place::{MASTER_PORT, Place};
use crate::Error;
use crate::torch;

unsafe extern "C" {
    fn ncsn_store_open(
        host: *const c_char,
        port: c_int,
        is_host: c_int,
        prefix: *const c_char,
        milliseconds: i64,
        output: *mut *mut c_void,
    ) -> c_int;
    fn ncsn_store_close(store: *mut c_void);
    fn ncsn_store_set(store: *mut c_void, key: *const c_char, value: *const c_char, length: usize) -> c_int;
    fn ncsn_store_add(store: *mut c_void, key: *const c_char, value: i64, sum: *mut i64) -> c_int;
    fn ncsn_store_has(store: *mut c_void, key: *const c_char, has: *mut c_int) -> c_int;
    fn ncsn_store_get(
        store: *mut c_void,
        key: *const c_char,
        milliseconds: i64,
        value: *mut c_char,
        room: usize,
        length: *mut usize,
    ) -> c_int;
}

/// Most bytes of a value.
const ROOM: usize = 1 << 20;

/// A connection to the store of a group of processes, for one thread at a time.
#[derive(Debug)]
pub(super) struct Store(*mut c_void);

// SAFETY: libtorch's store takes a lock for every call, and keeps nothing of the thread.
unsafe impl Send for Store {}

impl Store {
    /// Connects, or hosts.
    ///
    /// # Errors
    /// [`Error::Peers`] where no host answers in time; [`Error::Setting`] for a port that is taken.
    pub(super) fn open(place: &Place, is_host: bool, patience: Duration) -> Result<Self, Error> {
        let host = text(&place.host)?;
        // torchrun's store outlives the processes that it starts again.
        let prefix = text(&format!("ncsn/{}", place.restarts))?;
        let mut store = ptr::null_mut();
        let milliseconds = patience.as_millis() as i64;
        // SAFETY: the string lives through the call, which fills the pointer.
        let status = unsafe {
            ncsn_store_open(
                host.as_ptr(),
                c_int::from(place.port),
                c_int::from(is_host),
                prefix.as_ptr(),
                milliseconds,
                &mut store,
            )
        };
        match torch::check(status) {
            Ok(()) => Ok(Self(store)),
            Err(error) if is_host && error.to_string().contains("EADDRINUSE") => {
                Err(Error::setting(MASTER_PORT, place.port, "a port that no program uses"))
            }
            Err(_) if !is_host => Err(Error::Peers(format!(
                "nothing answers at {}:{}, where rank 0 should be, for {} s",
                place.host,
                place.port,
                patience.as_secs()
            ))),
            Err(error) => Err(error),
        }
    }

    pub(super) fn raw(&self) -> *mut c_void {
        self.0
    }

    pub(super) fn set(&self, key: &str, value: &str) -> Result<(), Error> {
        let key = text(key)?;
        // SAFETY: key and value live through the call.
        torch::check(unsafe { ncsn_store_set(self.0, key.as_ptr(), value.as_ptr().cast(), value.len()) })
    }

    /// Adds to a number, 0 at first, and returns the sum.
    pub(super) fn add(&self, key: &str, value: i64) -> Result<i64, Error> {
        let (key, mut sum) = (text(key)?, 0);
        // SAFETY: the key lives through the call, which fills the number.
        torch::check(unsafe { ncsn_store_add(self.0, key.as_ptr(), value, &mut sum) })?;
        Ok(sum)
    }

    pub(super) fn has(&self, key: &str) -> Result<bool, Error> {
        let (key, mut has) = (text(key)?, 0);
        // SAFETY: the key lives through the call, which fills the number.
        torch::check(unsafe { ncsn_store_has(self.0, key.as_ptr(), &mut has) })?;
        Ok(has != 0)
    }

    /// Waits for a value.
    pub(super) fn get(&self, key: &str, patience: Duration) -> Result<String, Error> {
        let (key, mut length, mut value) = (text(key)?, 0, vec![0_u8; ROOM]);
        let milliseconds = patience.as_millis() as i64;
        // SAFETY: the key and the room live through the call, which fills at most ROOM bytes.
        torch::check(unsafe {
            ncsn_store_get(self.0, key.as_ptr(), milliseconds, value.as_mut_ptr().cast(), ROOM, &mut length)
        })?;
        value.truncate(length);
        Ok(String::from_utf8_lossy(&value).into_owned())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: made by `open`, and used no more.
        unsafe { ncsn_store_close(self.0) }
    }
}

pub(super) fn text(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::setting("a name", text.escape_debug(), "no character 0"))
}

//! The place of a process among several, by the env:// convention of torchrun and other launchers.

use std::env;
use std::str::FromStr;

use crate::Error;

/// The process's number among all.
pub const RANK: &str = "RANK";
/// Number of processes.
pub const WORLD_SIZE: &str = "WORLD_SIZE";
/// The process's number on its machine.
pub const LOCAL_RANK: &str = "LOCAL_RANK";
/// Number of processes on this machine.
pub const LOCAL_WORLD_SIZE: &str = "LOCAL_WORLD_SIZE";
/// Host of rank 0.
pub const MASTER_ADDR: &str = "MASTER_ADDR";
/// Port at which the processes meet.
pub const MASTER_PORT: &str = "MASTER_PORT";
/// How often a launcher has started the processes again.
pub const RESTARTS: &str = "TORCHELASTIC_RESTART_COUNT";
/// Whether torchrun itself hosts the store at the port.
const AGENT_STORE: &str = "TORCHELASTIC_USE_AGENT_STORE";

/// Most processes.
pub const MOST: usize = 4096;

/// Where a process is among several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 0.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
    /// Its number on its machine, by which it takes a GPU.
    pub local_rank: usize,
    /// Number of processes on its machine, which share the cores.
    pub local_size: usize,
    /// Host and port at which they meet.
    pub host: String,
    /// See `host`.
    pub port: u16,
    /// Whether this process hosts the store there.
    pub is_host: bool,
    /// How often a launcher has started the processes again.
    pub restarts: u64,
}

impl Place {
    /// As the environment says; none where it names no number of processes.
    ///
    /// # Errors
    /// [`Error::Setting`] for a variable that is missing, no number, or contradicts another.
    pub fn of_environment() -> Result<Option<Self>, Error> {
        Self::of(&|name| env::var(name).ok())
    }

    /// As variables say.
    ///
    /// # Errors
    /// As [`of_environment`](Self::of_environment).
    pub fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let (rank, size) = (variable(RANK), variable(WORLD_SIZE));
        if rank.is_none() && size.is_none() {
            return Ok(None);
        }
        let size = number(WORLD_SIZE, size, |size| (1..=MOST).contains(&size), "1 to 4096")?;
        let rank = number(RANK, rank, |rank| rank < size, format!("0 to {}, below {WORLD_SIZE}", size - 1))?;
        let own = |name, usual: usize| Some(variable(name).unwrap_or_else(|| usual.to_string()));
        let local = |size: usize| move |value: usize| value < size;
        // Without these, as with launchers that set only the others: all processes on one machine.
        let local_size = number(
            LOCAL_WORLD_SIZE,
            own(LOCAL_WORLD_SIZE, size),
            |local| (1..=size).contains(&local),
            format!("1 to {size}, at most {WORLD_SIZE}"),
        )?;
        let most = format!("0 to {}, below {LOCAL_WORLD_SIZE}", local_size - 1);
        let local_rank = number(LOCAL_RANK, own(LOCAL_RANK, rank % local_size), local(local_size), most)?;
        let host = variable(MASTER_ADDR).filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| Error::setting(MASTER_ADDR, "missing", "the host of rank 0"))?;
        let port = number(MASTER_PORT, variable(MASTER_PORT), |port| port > 0, "1 to 65535")?;
        let restarts = number(RESTARTS, own(RESTARTS, 0), |_| true, "a number")?;
        let has_agent = variable(AGENT_STORE).is_some_and(|value| value == "True");
        Ok(Some(Self {
            rank,
            size,
            local_rank,
            local_size,
            host,
            port,
            is_host: rank == 0 && !has_agent,
            restarts,
        }))
    }
}

fn number<T: FromStr + Copy>(
    name: &'static str,
    value: Option<String>,
    is_allowed: impl Fn(T) -> bool,
    allowed: impl ToString,
) -> Result<T, Error> {
    let value = value.ok_or_else(|| Error::setting(name, "missing", allowed.to_string()))?;
    let parsed = value.trim().parse().ok().filter(|&parsed| is_allowed(parsed));
    parsed.ok_or_else(|| Error::setting(name, value, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Result<Option<Place>, String> {
        let find =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        Place::of(&find).map_err(|error| error.to_string())
    }

    #[test]
    fn torchruns_variables_are_read() {
        let mut variables = vec![
            (RANK, "5"),
            (WORLD_SIZE, "8"),
            (LOCAL_RANK, "1"),
            (LOCAL_WORLD_SIZE, "4"),
            (MASTER_ADDR, "node0"),
            (MASTER_PORT, "29500"),
        ];
        let found = place(&variables).expect("valid").expect("one of several");
        let Place { rank, size, local_rank, local_size, host, port, is_host, restarts } = found;
        assert_eq!((rank, size, local_rank, local_size), (5, 8, 1, 4));
        assert_eq!((host.as_str(), port, is_host, restarts), ("node0", 29500, false, 0));
        variables[0].1 = "0";
        assert!(place(&variables).expect("valid").expect("one").is_host);
        variables.push((AGENT_STORE, "True"));
        variables.push((RESTARTS, "2"));
        let found = place(&variables).expect("valid").expect("one");
        assert!(!found.is_host, "torchrun hosts the store");
        assert_eq!(found.restarts, 2);
        assert_eq!(place(&[("PATH", "x")]), Ok(None));
    }

    #[test]
    fn what_is_missing_or_contradicts_is_named() {
        let line = |variables: &[(&str, &str)]| place(variables).expect_err("refused");
        assert_eq!(line(&[(RANK, "0")]), "WORLD_SIZE is missing, allowed: 1 to 4096");
        let two = [(WORLD_SIZE, "2"), (MASTER_ADDR, "h"), (MASTER_PORT, "1")];
        let with = |name, value| [&two[..], &[(name, value)]].concat();
        assert_eq!(line(&two), "RANK is missing, allowed: 0 to 1, below WORLD_SIZE");
        assert_eq!(line(&with(RANK, "2")), "RANK is 2, allowed: 0 to 1, below WORLD_SIZE");
        let with = |name, value| [&two[..], &[(RANK, "1"), (name, value)]].concat();
        assert_eq!(
            line(&with(LOCAL_WORLD_SIZE, "3")),
            "LOCAL_WORLD_SIZE is 3, allowed: 1 to 2, at most WORLD_SIZE"
        );
        assert_eq!(line(&with(LOCAL_RANK, "x")), "LOCAL_RANK is x, allowed: 0 to 1, below LOCAL_WORLD_SIZE");
        assert_eq!(
            line(&[(RANK, "0"), (WORLD_SIZE, "1")]),
            "MASTER_ADDR is missing, allowed: the host of rank 0"
        );
        let port = [(RANK, "0"), (WORLD_SIZE, "1"), (MASTER_ADDR, "h"), (MASTER_PORT, "70000")];
        assert_eq!(line(&port), "MASTER_PORT is 70000, allowed: 1 to 65535");
    }
}

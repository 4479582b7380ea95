//! Arguments of `launch`.

use clap::{Args, Subcommand};

use super::{EvaluateArgs, SampleArgs, SelectArgs, TrainArgs};

/// Train, sample, select or evaluate by several processes on this machine, each with its own GPU or share of the cores
///
/// The batch is divided among them; weights, losses and checkpoints are those of one process but for rounding. A run goes on
/// with any number of processes. For several machines, torchrun, SLURM or Kubernetes set RANK, WORLD_SIZE, MASTER_ADDR and
/// MASTER_PORT for 'ncsn-trainer train'.
///
/// Example: ncsn-trainer launch --nproc 8 train --preset cifar10 --data cifar10/
#[derive(Args, Clone, Debug)]
pub struct LaunchArgs {
    /// Number of processes
    #[arg(long, value_name = "COUNT")]
    pub nproc: usize,
    /// How often all are started again, going on from the last checkpoint, after one was lost
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub max_restarts: u64,
    /// Port at which they meet [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// What each of them does
    #[command(subcommand)]
    pub command: Launched,
}

/// The commands for several processes.
#[derive(Subcommand, Clone, Debug)]
pub enum Launched {
    /// As 'ncsn-trainer train'
    Train(Box<TrainArgs>),
    /// As 'ncsn-trainer sample'
    Sample(Box<SampleArgs>),
    /// As 'ncsn-trainer select'
    Select(Box<SelectArgs>),
    /// As 'ncsn-trainer evaluate'
    Evaluate(Box<EvaluateArgs>),
}

impl Launched {
    /// Names of the commands.
    #[must_use]
    pub fn names() -> Vec<String> {
        let all = Self::augment_subcommands(clap::Command::new("launch"));
        all.get_subcommands().map(|command| command.get_name().to_owned()).collect()
    }
}

//! One side of a comparison: features of all its items, taken by one process or several.

use tch::{Device, Kind, Tensor};

use super::super::in_batches;
use crate::Error;
use crate::dataset::Items;
use crate::evaluate::features::{self, Clamped, Features};
use crate::evaluate::score::Sums;
use crate::evaluate::statistics::{Moments, Statistics};
use crate::peers::Peers;

/// One side of the comparison.
pub struct Side {
    /// Of the features.
    pub statistics: Statistics,
    /// The features themselves, where they are kept.
    pub features: Option<Tensor>,
    /// Statistics of sFID.
    pub spatial: Option<Statistics>,
    /// A line on values that were clamped.
    pub note: Option<String>,
}

impl Side {
    pub const fn of(statistics: Statistics) -> Self {
        Self { statistics, features: None, spatial: None, note: None }
    }
}

/// How the features of a side are taken.
#[derive(Clone, Copy)]
pub struct Taking<'a> {
    /// Which.
    pub features: &'a Features,
    /// Items at once.
    pub batch: u64,
    /// Where.
    pub device: Device,
    /// Whether those of sFID are wanted too.
    pub spatial: bool,
    /// Who takes them, each a batch in turn: what comes out is that of one process, bit for bit.
    pub peers: &'a Peers,
}

/// Statistics of all items, with their features where they are to be kept, for the first process.
///
/// # Errors
/// Those of [`measured`].
pub fn side(
    what: &str,
    items: &Items,
    taking: Taking,
    keeps: bool,
    mut score: Option<&mut Sums>,
) -> Result<Option<Side>, Error> {
    let mut kept: Option<Tensor> = None;
    let mut at = 0;
    let side = measured(what, items, taking, &mut |part| {
        if let (Features::Inception(network, _), Some(score)) = (taking.features, &mut score)
            && let Some(logits) = network.logits(part)?
        {
            score.add(&logits)?;
        }
        if keeps {
            let [count, dim] = [part.size()[0], part.size()[1]];
            let kept = match &mut kept {
                Some(kept) => kept,
                none => {
                    none.insert(Tensor::f_empty([items.len() as i64, dim], (Kind::Float, taking.device))?)
                }
            };
            kept.narrow(0, at, count).copy_(part);
            at += count;
        }
        Ok(())
    })?;
    Ok(side.map(|side| Side { features: kept, ..side }))
}

/// Statistics of all items, for the first process; there `each` is shown the features of each batch.
///
/// # Errors
/// Those of reading and of torch; [`Error::Setting`] for fewer than two items; [`Error::Peers`].
pub fn measured(
    what: &str,
    items: &Items,
    taking: Taking,
    each: &mut dyn FnMut(&Tensor) -> Result<(), Error>,
) -> Result<Option<Side>, Error> {
    let Taking { features, batch, device, spatial, peers } = taking;
    let [mut moments, mut inner] = [None, None];
    let add = |to: &mut Option<Moments>, part: &Tensor| -> Result<(), Error> {
        let moments = match to {
            Some(moments) => moments,
            none => none.insert(Moments::new(part.size()[1], device)?),
        };
        moments.add(part);
        Ok(())
    };
    let mut clamped = Clamped::default();
    let total = items.len() as u64;
    in_batches(what, total, batch * peers.size() as u64, |round, tell| {
        let own = peers.batch(&round, batch);
        // Without an item of the last round a process takes one all the same, for the shape of none.
        let numbers = if own.is_empty() { round.start..round.start + 1 } else { own.clone() };
        let numbers: Vec<usize> = numbers.map(|number| number as usize).collect();
        let read = features::read(items, &numbers, features)?;
        if !own.is_empty() {
            clamped = clamped.and(read.clamped);
        }
        let taken: Vec<Tensor> = if spatial {
            features.with_spatial(&read.items)?.into()
        } else {
            vec![features.of(&read.items, device)?]
        };
        let (count, first) = ((own.end - own.start) as i64, (own.start - round.start) as usize);
        let all = (round.end - round.start) as usize;
        let gather = |taken: &Tensor| peers.all_gather(&taken.narrow(0, 0, count), first, all);
        let taken = taken.iter().map(gather).collect::<Result<Vec<_>, _>>()?;
        if peers.is_first() {
            for (to, part) in [&mut moments, &mut inner].into_iter().zip(&taken) {
                add(to, part)?;
            }
            each(&taken[0])?;
        }
        tell(round.end, total);
        Ok(())
    })?;
    let clamped = clamped.of_all(peers)?;
    if !peers.is_first() {
        return Ok(None);
    }
    let moments = moments.ok_or_else(|| Error::setting("number of items", 0, "at least 2"))?;
    let values = total * items.shape().iter().product::<i64>() as u64;
    Ok(Some(Side {
        spatial: inner.map(Moments::finish).transpose()?,
        note: clamped.note(what, values),
        ..Side::of(moments.finish()?)
    }))
}

//! Columns into rows: arrays whose first index runs fastest, as Fortran's do.

use std::fs::File;

use crate::error::Error;
use crate::layout::Layout;
use crate::options::Request;
use crate::rows::read_exact_at;
use crate::set::DataSet;
use crate::writer::RowWriter;

/// Bytes of rows gathered from columns at a time: the reads needed fall as it grows.
const GATHERED: usize = 32 << 20;

/// Brings columns (first index fastest) into rows, a block of rows at a time.
pub(crate) fn transposed(
    file: &File,
    offset: u64,
    layout: Layout,
    request: &Request,
) -> Result<DataSet, Error> {
    let Layout { count, dim, .. } = layout;
    let width = layout.element.width();
    let mut written = RowWriter::new(layout.element, layout.big_endian, &layout.shape, request)?;
    let block = (GATHERED / (dim * width)).clamp(1, count);
    let (mut rows, mut column) = (vec![0; block * dim * width], vec![0; block * width]);
    for first in (0..count).step_by(block) {
        let here = block.min(count - first);
        let mut index = vec![0; layout.shape.len()];
        for entry in 0..dim {
            let position = fastest_first(&index, &layout.shape) * count + first;
            let part = &mut column[..here * width];
            let at = offset + (position * width) as u64;
            read_exact_at(file, part, at).map_err(Error::reading(request.path))?;
            for (row, value) in part.chunks_exact(width).enumerate() {
                rows[(row * dim + entry) * width..][..width].copy_from_slice(value);
            }
            advance(&mut index, &layout.shape);
        }
        written.take(&mut rows[..here * dim * width])?;
        (request.progress)((first + here) as u64, Some(count as u64));
    }
    written.finish()
}

/// Position of an index where the first coordinate runs fastest.
fn fastest_first(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).rev().fold(0, |position, (i, d)| position * d + i)
}

/// Next index where the last coordinate runs fastest.
pub(crate) fn advance(index: &mut [usize], shape: &[usize]) {
    for (i, d) in index.iter_mut().zip(shape).rev() {
        *i += 1;
        if *i < *d {
            return;
        }
        *i = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_advance_in_row_order_and_map_to_column_order() {
        let shape = [2, 3];
        let mut index = vec![0; 2];
        let mut positions = Vec::new();
        for _ in 0..6 {
            positions.push(fastest_first(&index, &shape));
            advance(&mut index, &shape);
        }
        assert_eq!(positions, [0, 2, 4, 1, 3, 5]);
        assert_eq!(index, [0, 0]);
    }
}

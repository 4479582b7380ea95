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

/// Values whose first index runs fastest, in the order in which the last one does.
pub(crate) fn last_index_fastest(stored: &[u8], shape: &[usize], width: usize, ordered: &mut Vec<u8>) {
    let strides = shape.iter().scan(width, |stride, &side| {
        let own = *stride;
        *stride *= side;
        Some(own)
    });
    let strides: Vec<usize> = strides.collect();
    let (mut index, mut place) = (vec![0; shape.len()], 0);
    ordered.clear();
    for _ in 0..stored.len() / width {
        ordered.extend_from_slice(&stored[place..place + width]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            place += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            place -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}

/// Next index where the last coordinate runs fastest.
fn advance(index: &mut [usize], shape: &[usize]) {
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

    #[test]
    fn columns_become_rows() {
        // [[0, 1, 2], [3, 4, 5]] by columns
        let mut ordered = Vec::new();
        last_index_fastest(&[0, 3, 1, 4, 2, 5], &[2, 3], 1, &mut ordered);
        assert_eq!(ordered, [0, 1, 2, 3, 4, 5]);
        last_index_fastest(&[1, 2, 3, 4], &[2], 2, &mut ordered);
        assert_eq!(ordered, [1, 2, 3, 4]);
    }
}

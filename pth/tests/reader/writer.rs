//! A small writer of arrays, in each of the ways that numpy has used.

/// An array to be written.
#[derive(Clone, Debug)]
pub struct Block {
    /// numpy's name of the type: a letter and a size.
    pub name: &'static str,
    pub shape: Vec<usize>,
    /// Elements row-major, little-endian.
    pub bytes: Vec<u8>,
    pub is_big: bool,
    pub is_fortran: bool,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// Protocol 0 of Python 2: a quoted string.
    Quoted,
    /// Protocols 1 and 2 of Python 2.
    String,
    /// Protocol 0 of Python 3: a call with a text.
    EncodedLine,
    /// Protocols 1 and 2 of Python 3.
    Encoded,
    /// Protocols 3 and 4.
    Bytes,
    /// Protocol 5, in band.
    Buffer,
}

pub const WAYS: [Way; 6] =
    [Way::Quoted, Way::String, Way::EncodedLine, Way::Encoded, Way::Bytes, Way::Buffer];

impl Block {
    /// Bytes of an element.
    fn size(&self) -> usize {
        self.name[1..].parse().unwrap()
    }

    /// The elements as the file has them: element (i₁, …, i_k) is at Σ i_j stride_j.
    fn stored(&self) -> Vec<u8> {
        let size = self.size();
        let mut stored = vec![0; self.bytes.len()];
        for (n, element) in self.bytes.chunks_exact(size).enumerate() {
            let (mut rest, mut index) = (n, vec![0; self.shape.len()]);
            for axis in (0..self.shape.len()).rev() {
                index[axis] = rest % self.shape[axis];
                rest /= self.shape[axis];
            }
            let axes = index.iter().zip(&self.shape);
            let horner = |at: usize, (&i, &n): (&usize, &usize)| at * n + i;
            let at = if self.is_fortran { axes.rev().fold(0, horner) } else { axes.fold(0, horner) };
            let place = &mut stored[at * size..][..size];
            place.copy_from_slice(element);
            if self.is_big {
                place.reverse();
            }
        }
        stored
    }

    /// The opcodes that leave the array on the stack.
    pub fn opcodes(&self, way: Way) -> Vec<u8> {
        let stored = bytes(&self.stored(), way);
        let order = if self.is_big { ">" } else { "<" };
        let order = if self.size() == 1 { "|" } else { order };
        let mut shape = vec![b'('];
        self.shape.iter().for_each(|&side| shape.extend(int(side)));
        shape.push(b't');
        let descr = [
            global("numpy", "dtype", way),
            b"(".to_vec(),
            text(self.name, way),
            [int(0), int(1), b"tR(".to_vec(), int(3), text(order, way)].concat(),
            b"NNNI-1\nI-1\nI0\ntb".to_vec(),
        ]
        .concat();
        if way == Way::Buffer {
            let letter = text(if self.is_fortran { "F" } else { "C" }, way);
            let call = global("numpy._core.numeric", "_frombuffer", way);
            return [call, b"(".to_vec(), stored, descr, shape, letter, b"tR".to_vec()].concat();
        }
        let flag = if self.is_fortran { b"I01\n" } else { b"I00\n" };
        [
            global("numpy.core.multiarray", "_reconstruct", way),
            b"(".to_vec(),
            global("numpy", "ndarray", way),
            [b"(".to_vec(), int(0), b"t".to_vec()].concat(),
            bytes(b"b", way),
            [b"tR(".to_vec(), int(1)].concat(),
            shape,
            descr,
            flag.to_vec(),
            stored,
            b"tb".to_vec(),
        ]
        .concat()
    }

    /// A pickle of the array alone.
    pub fn pickle(&self, way: Way) -> Vec<u8> {
        let head: &[u8] = match way {
            Way::Quoted | Way::EncodedLine => b"",
            Way::String | Way::Encoded => b"\x80\x02",
            Way::Bytes => b"\x80\x03",
            Way::Buffer => b"\x80\x05",
        };
        [head, &self.opcodes(way), b"."].concat()
    }
}

fn int(value: usize) -> Vec<u8> {
    format!("I{value}\n").into()
}

fn global(module: &str, name: &str, way: Way) -> Vec<u8> {
    match way {
        Way::Buffer => [text(module, way), text(name, way), vec![0x93]].concat(),
        _ => format!("c{module}\n{name}\n").into(),
    }
}

fn text(text: &str, way: Way) -> Vec<u8> {
    match way {
        Way::Quoted | Way::String => bytes(text.as_bytes(), way),
        Way::EncodedLine => format!("V{text}\n").into(),
        _ => [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat(),
    }
}

fn bytes(bytes: &[u8], way: Way) -> Vec<u8> {
    let latin: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let encoded = |text: Vec<u8>| [b"c_codecs\nencode\n(", &text[..], b"X\x06\0\0\0latin1tR"].concat();
    match way {
        Way::Quoted => {
            let escaped: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("S'{escaped}'\n").into()
        }
        Way::String => [b"T", &(bytes.len() as u32).to_le_bytes()[..], bytes].concat(),
        Way::EncodedLine => {
            // Raw: one byte for a character, but for those that would end the line or begin an escape.
            let raw = |&byte: &u8| match byte {
                b'\n' | b'\\' => format!("\\u{byte:04x}").into_bytes(),
                _ => vec![byte],
            };
            encoded([b"V".to_vec(), bytes.iter().flat_map(raw).collect(), b"\n".to_vec()].concat())
        }
        Way::Encoded => encoded(text(&latin, way)),
        Way::Bytes => [b"B", &(bytes.len() as u32).to_le_bytes()[..], bytes].concat(),
        Way::Buffer => [b"\x96", &(bytes.len() as u64).to_le_bytes()[..], bytes].concat(),
    }
}

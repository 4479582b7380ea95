//! Files told apart by their first bytes.

use super::opcode as op;

/// First bytes that are enough for every function here.
pub const HEAD: usize = 512;

/// The magic number of torch's legacy form as protocols 2 and later write it, little-endian.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The magic number as protocols 0 and 1 write it.
const MAGIC_LINE: &[u8] = b"L119547037146038801333356L\n.";
/// Bytes of the longest pickle of the magic number: protocol, frame, integer.
const MAGIC_END: usize = 2 + 9 + 2 + MAGIC.len();

/// Whether a file with these first bytes may be a pickle, torch's legacy form included.
///
/// Protocols 2 and later begin with a byte that says so. Protocols 0 and 1 begin with any opcode, that is with almost any
/// letter: of them, only those that begin with a container, a class or the number of torch count here, as files of data
/// do. [`crate::parse`] tries the others too.
#[must_use]
pub fn is_pickle(head: &[u8]) -> bool {
    match head {
        [op::PROTO, protocol, first, ..] => *protocol <= 5 && op::name(*first).is_some(),
        [op::EMPTY_LIST | op::EMPTY_DICT, op::BINPUT, 0 | 1, ..] => true,
        [op::MARK, op::LIST | op::DICT | op::TUPLE, op::PUT, b'0' | b'1', b'\n', ..] => true,
        [op::MARK, rest @ ..] if is_class(rest) => true,
        _ => is_class(head) || is_torch_stream(head),
    }
}

/// Whether a file with these first bytes is a `torch.save` of torch ≤ 1.5.
#[must_use]
pub fn is_torch_stream(head: &[u8]) -> bool {
    let start = &head[..head.len().min(MAGIC_END)];
    head.starts_with(MAGIC_LINE)
        || head.first() == Some(&op::PROTO) && start.windows(MAGIC.len()).any(|w| w == MAGIC)
}

/// Whether a file with these first bytes is a `torch.save` of torch ≥ 1.6: a zip archive whose first entry is
/// `<name>/data.pkl`.
pub fn is_torch_zip(head: &[u8]) -> bool {
    // Signature, then 22 bytes, then the length of the name, the length of the extra field, the name.
    let Some((&[low, high], rest)) = head.get(26..).and_then(<[u8]>::split_first_chunk) else { return false };
    let name = rest.get(2..2 + usize::from(u16::from_le_bytes([low, high])));
    is_zip(head) && name.is_some_and(|name| name.ends_with(b"/data.pkl"))
}

/// Whether a file with these first bytes is a zip archive.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

/// Whether these first bytes are those of a POSIX tar.
pub(super) fn is_tar(head: &[u8]) -> bool {
    const USTAR: (usize, &[u8]) = (257, b"ustar");
    head.get(USTAR.0..).is_some_and(|rest| rest.starts_with(USTAR.1))
}

/// Whether a pickle that is read can begin with this byte: an opcode that is allowed and takes nothing from the stack.
pub(super) fn can_begin(first: u8) -> bool {
    const OTHERS: [u8; 28] = [
        op::PERSID,
        op::STOP,
        op::POP,
        op::POP_MARK,
        op::DUP,
        op::BINPERSID,
        op::REDUCE,
        op::APPEND,
        op::APPENDS,
        op::BUILD,
        op::DICT,
        op::GET,
        op::BINGET,
        op::LONG_BINGET,
        op::INST,
        op::LIST,
        op::OBJ,
        op::PUT,
        op::BINPUT,
        op::LONG_BINPUT,
        op::SETITEM,
        op::SETITEMS,
        op::TUPLE,
        op::NEWOBJ,
        op::NEWOBJ_EX,
        op::ADDITEMS,
        op::STACK_GLOBAL,
        op::MEMOIZE,
    ];
    op::name(first).is_some() && !OTHERS.contains(&first)
}

/// Whether a class of numpy, of torch or of Python's containers comes first.
fn is_class(head: &[u8]) -> bool {
    const MODULES: [&[u8]; 5] = [b"cnumpy", b"ctorch", b"ccollections\n", b"c_codecs\n", b"c__builtin__\n"];
    MODULES.iter().any(|module| head.starts_with(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `pickle.dumps` of Python 3.11 of a dict, a list and a tuple; `cPickle` of Python 2 counts its memo from 1.
    #[test]
    fn pickles_of_containers_are_told_by_their_head() {
        for head in [
            &b"\x80\x04\x95"[..],
            b"\x80\x02}q\0",
            b"(dp0\nV",
            b"(dp1\nS",
            b"(lp0\n",
            b"}q\0(X",
            b"]q\x01(K",
            b"cnumpy.core.multiarray\n_reconstruct\n",
            b"(cnumpy._core",
        ] {
            assert!(is_pickle(head), "{head:?}");
        }
        for head in [
            &b""[..],
            b"\x80",
            b"\x80\x06N",
            b"Image",
            b"(1, 2)",
            b"[1]",
            b"cat,dog\n",
            b"\x89PNG",
            b"PK\x03\x04",
        ] {
            assert!(!is_pickle(head), "{head:?}");
        }
    }
}

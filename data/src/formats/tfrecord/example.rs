//! A `tf.train.Example`: lists of bytes, of floats or of integers by name, as a message of protocol buffers.

/// Features of one example at most.
const MAX_FEATURES: usize = 4096;

/// A feature: its values are read when they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Feature<'a> {
    Bytes(&'a [u8]),
    Floats(&'a [u8]),
    Integers(&'a [u8]),
}

/// The features of an example by name; of those with the same name the last counts.
pub(super) type Features<'a> = Vec<(&'a str, Feature<'a>)>;

/// The features of a record; nothing for one that is no example.
pub(super) fn features(record: &[u8]) -> Option<Features<'_>> {
    let mut features = Vec::new();
    for map in messages(record, 1) {
        for entry in messages(map?, 1) {
            let entry = entry?;
            let name = messages(entry, 1).last().unwrap_or(Some(&[]))?;
            let value = messages(entry, 2).last().unwrap_or(Some(&[]))?;
            let kinds = Fields(value).filter_map(|field| match field {
                Some((1, Value::Bytes(list))) => Some(Some(Feature::Bytes(list))),
                Some((2, Value::Bytes(list))) => Some(Some(Feature::Floats(list))),
                Some((3, Value::Bytes(list))) => Some(Some(Feature::Integers(list))),
                Some(_) => None,
                None => Some(None),
            });
            if let Some(feature) = kinds.last() {
                features.push((std::str::from_utf8(name).ok()?, feature?));
            }
            if features.len() > MAX_FEATURES {
                return None;
            }
        }
    }
    // The order in which a map is stored means nothing.
    features.sort_by_key(|&(name, _)| name);
    Some(features)
}

impl<'a> Feature<'a> {
    /// The text or file that is the only value of a list of bytes.
    pub(super) fn only_bytes(self) -> Option<&'a [u8]> {
        let Self::Bytes(list) = self else { return None };
        let mut values = messages(list, 1);
        let value = values.next()??;
        values.next().is_none().then_some(value)
    }

    /// The values of a list of floats, little-endian.
    pub(super) fn floats(self) -> Option<Vec<u8>> {
        let Self::Floats(list) = self else { return None };
        let mut values = Vec::new();
        for field in Fields(list) {
            match field? {
                (1, Value::Bytes(packed)) if packed.len().is_multiple_of(4) => values.extend(packed),
                (1, Value::Four(one)) => values.extend(one),
                _ => return None,
            }
        }
        Some(values)
    }

    /// The values of a list of `N` integers.
    pub(super) fn integers<const N: usize>(self) -> Option<[i64; N]> {
        let Self::Integers(list) = self else { return None };
        let mut values = Vec::new();
        for field in Fields(list) {
            match field? {
                (1, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() && values.len() <= N {
                        values.push(varint(&mut packed)? as i64);
                    }
                }
                (1, Value::Varint(one)) => values.push(one as i64),
                _ => return None,
            }
            if values.len() > N {
                return None;
            }
        }
        values.try_into().ok()
    }
}

/// Values of the fields of one number that hold bytes; nothing in place of damage.
fn messages(message: &[u8], wanted: u64) -> impl Iterator<Item = Option<&[u8]>> {
    Fields(message).filter_map(move |field| match field {
        Some((number, Value::Bytes(bytes))) if number == wanted => Some(Some(bytes)),
        Some(_) => None,
        None => Some(None),
    })
}

/// A value as it is stored.
enum Value<'a> {
    Varint(u64),
    Eight,
    Bytes(&'a [u8]),
    Four([u8; 4]),
}

/// The fields of a message with their numbers; nothing in place of damage, which ends it.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut rest = self.0;
        let field = field(&mut rest);
        self.0 = if field.is_some() { rest } else { &[] };
        Some(field)
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let key = varint(rest)?;
    let value = match key & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => {
            rest.split_off(..8)?;
            Value::Eight
        }
        2 => {
            let length = varint(rest)?;
            Value::Bytes(rest.split_off(..usize::try_from(length).ok()?)?)
        }
        5 => Value::Four(*rest.split_off(..4)?.first_chunk()?),
        _ => return None,
    };
    Some((key >> 3, value))
}

/// An integer in groups of seven bits, the lowest first.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let &byte = rest.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds bytes.
    fn holding(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn example(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let entry = |(name, feature): &(&str, Vec<u8>)| {
            holding(1, &[holding(1, name.as_bytes()), holding(2, feature)].concat())
        };
        holding(1, &entries.iter().flat_map(entry).collect::<Vec<u8>>())
    }

    #[test]
    fn lists_are_read_packed_and_one_by_one() {
        let floats = [1.5_f32, -2.0].map(f32::to_le_bytes).concat();
        let one_by_one = [&[1 << 3 | 5], &floats[..4], &[1 << 3 | 5], &floats[4..]].concat();
        let record = example(&[
            ("packed", holding(2, &holding(1, &floats))),
            ("single", holding(2, &one_by_one)),
            ("shape", holding(3, &holding(1, &[3, 0x80, 2]))),
            ("text", holding(1, &holding(1, b"abc"))),
            ("texts", holding(1, &[holding(1, b"a"), holding(1, b"b")].concat())),
            ("none", Vec::new()),
        ]);
        let features = features(&record).unwrap();
        let names: Vec<_> = features.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["packed", "shape", "single", "text", "texts"]);
        assert_eq!(features[0].1.floats(), Some(floats.clone()));
        assert_eq!(features[2].1.floats(), Some(floats));
        assert_eq!(features[1].1.integers(), Some([3, 256]));
        assert_eq!(features[1].1.integers::<3>(), None);
        assert_eq!(features[1].1.integers::<1>(), None);
        assert_eq!(features[3].1.only_bytes(), Some(&b"abc"[..]));
        assert_eq!(features[4].1.only_bytes(), None);
    }

    #[test]
    fn a_record_that_breaks_off_is_no_example() {
        let record = example(&[("x", holding(1, &holding(1, b"abc")))]);
        assert!(features(&record).is_some());
        for length in 1..record.len() {
            assert!(features(&record[..length]).is_none(), "{length} bytes");
        }
    }
}

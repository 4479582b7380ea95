//! Names of fixed choices: one spelling for the library, for files and for command lines.

/// Gives an enum of fixed choices its names: `ALL`, `name`, `Display`, `FromStr` and, with the feature `serde`, the same
/// names in files.
macro_rules! named {
    ($choice:ident, $what:literal: $($variant:ident => $name:literal),+) => {
        impl $choice {
            /// Every choice, in the order of the documentation.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Name in files, on command lines and in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $choice {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $choice {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                Self::ALL.into_iter().find(|choice| choice.name() == text).ok_or_else(|| $crate::Error::Name {
                    name: $what,
                    value: text.to_owned(),
                    allowed: &[$($name),+],
                })
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $choice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $choice {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use named;

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use crate::Error;
    use crate::schedule::check::Verdict;
    use crate::schedule::presets::Model;
    use crate::schedule::{DataRange, Law, Rounding};

    fn each_name_reads_back<T: Copy + Debug + Display + FromStr<Err = Error> + PartialEq>(all: &[T]) {
        for &choice in all {
            let name = choice.to_string();
            assert_eq!(name.parse::<T>(), Ok(choice));
            assert!(format!("{name}x").parse::<T>().is_err());
        }
        let names: std::collections::BTreeSet<String> = all.iter().map(T::to_string).collect();
        assert_eq!(names.len(), all.len(), "two choices share a name");
    }

    #[test]
    fn names_read_back_to_their_choices_and_no_two_are_alike() {
        each_name_reads_back(&Law::ALL);
        each_name_reads_back(&Rounding::ALL);
        each_name_reads_back(&DataRange::ALL);
        each_name_reads_back(&Verdict::ALL);
        each_name_reads_back(&Model::ALL);
    }

    #[test]
    fn another_name_is_refused_with_the_known_ones_in_one_line() {
        let message = "up\ndown".parse::<Rounding>().unwrap_err().to_string();
        assert_eq!(message, "rounding is \"up\\ndown\", allowed: ceil+1, floor+1, ceil, floor, round+1");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn files_hold_the_same_names() {
        for range in DataRange::ALL {
            let text = serde_json::to_string(&range).unwrap();
            assert_eq!(text, format!("\"{range}\""));
            assert_eq!(serde_json::from_str::<DataRange>(&text).unwrap(), range);
        }
        let message = serde_json::from_str::<Law>("\"cauchy\"").unwrap_err().to_string();
        assert!(message.starts_with("law is \"cauchy\", allowed: normal, chi"), "{message}");
    }
}

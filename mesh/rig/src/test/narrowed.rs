//! What a run is narrowed to.

/// What the words after `cargo test` narrow the run to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Narrowed {
    /// Packages, by `-p` in any of its forms. None: all of them.
    pub(crate) packages: Vec<String>,
    /// Parts of test names: those after `--`. None: all tests.
    pub(crate) filters: Vec<String>,
}

impl Narrowed {
    pub(crate) fn by(words: &[String]) -> Self {
        let mut narrowed = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--" => break,
                "-p" | "--package" => narrowed.packages.extend(words.next().map(str::to_owned)),
                _ => {
                    let attached = word.strip_prefix("--package=").or_else(|| word.strip_prefix("-p"));
                    narrowed.packages.extend(attached.map(|name| name.trim_start_matches('=').to_owned()));
                }
            }
        }
        narrowed.filters = words.filter(|word| !word.starts_with('-')).map(str::to_owned).collect();
        narrowed
    }

    /// cargo refuses packages together with the whole workspace.
    pub(super) fn is_to_packages(&self) -> bool {
        !self.packages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_package_is_recognised_in_every_form() {
        for form in ["-p user", "-puser", "-p=user", "--package user", "--package=user"] {
            let narrowed = Narrowed::by(&words(&format!("{form} --test it -- import -p x")));
            assert_eq!((narrowed.packages, narrowed.filters), (words("user"), words("import x")), "{form}");
        }
        assert_eq!(Narrowed::by(&words("--release -- -p x")).packages, words(""));
        assert_eq!(Narrowed::by(&words("-p user -pstack")).packages, words("user stack"));
    }
}

//! Which image runs a Kestra.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::kestra::{KestraRef, OFFICIAL_IMAGE, OfficialRef};
use crate::plan::ImageRef;

/// What the names of all images begin with that the testbed makes.
pub const TESTBED: &str = "kestra-secrets/";

/// An image for one Kestra, or for every one: `[KESTRA=]REPOSITORY:TAG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFor {
    kestra: Option<KestraRef>,
    image: ImageRef,
}

impl FromStr for ImageFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kestra, image) = match text.split_once('=') {
            Some((kestra, image)) => (Some(kestra.parse()?), image),
            None => (None, text),
        };
        Ok(Self {
            kestra,
            image: image.parse()?,
        })
    }
}

/// The image of each Kestra: the one asked for, else the testbed's for an engine and the
/// publisher's for an official one.
pub fn images<'a>(
    kestras: impl IntoIterator<Item = &'a KestraRef>,
    asked: &[ImageFor],
) -> BTreeMap<KestraRef, ImageRef> {
    let image = |kestra: &KestraRef| {
        let named = asked.iter().find(|a| a.kestra.as_ref() == Some(kestra));
        let any = asked.iter().find(|a| a.kestra.is_none());
        match (named.or(any), kestra) {
            (Some(asked), _) => Some(asked.image.clone()),
            (None, KestraRef::Engine(version)) => Some(ImageRef {
                repository: format!("{TESTBED}kestra"),
                tag: version.to_string(),
            }),
            (None, KestraRef::Official(OfficialRef::Exact(version))) => Some(ImageRef {
                repository: OFFICIAL_IMAGE.into(),
                tag: format!("v{version}"),
            }),
            (None, KestraRef::Official(_) | KestraRef::Exec(_)) => None,
        }
    };
    kestras
        .into_iter()
        .filter_map(|kestra| Some((kestra.clone(), image(kestra)?)))
        .collect()
}

impl ImageFor {
    /// The image of one Kestra.
    pub fn one(kestra: KestraRef, image: ImageRef) -> Self {
        let kestra = Some(kestra);
        Self { kestra, image }
    }

    /// The same for a Kestra that goes by another name, where that is the one it is for.
    #[must_use]
    pub fn renamed(self, from: &KestraRef, to: &KestraRef) -> Self {
        match &self.kestra {
            Some(kestra) if kestra == from => Self {
                kestra: Some(to.clone()),
                ..self
            },
            _ => self,
        }
    }

    /// Whether it is the image of a Kestra.
    pub fn is_for(&self, kestra: &KestraRef) -> bool {
        self.kestra.as_ref().is_none_or(|own| own == kestra)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_for_one_kestra_beats_the_one_for_all() {
        let kestras: [KestraRef; 3] = ["engine@2.0.0", "engine@1.3.31", "official@1.0.0"].map(|k| k.parse().unwrap());
        let own = images(&kestras, &[]);
        assert_eq!(own[&kestras[0]].to_string(), "kestra-secrets/kestra:2.0.0");
        assert_eq!(own[&kestras[2]].to_string(), "kestra/kestra:v1.0.0");
        let asked = ["x:1", "engine@1.3.31=y:2"].map(|a| a.parse().unwrap());
        let images = images(&kestras, &asked);
        assert_eq!(images[&kestras[0]].to_string(), "x:1");
        assert_eq!(images[&kestras[1]].to_string(), "y:2");
    }
}

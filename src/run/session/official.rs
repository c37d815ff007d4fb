//! The publisher's own Kestra, image and chart: whether they can be had here, and the image brought here.

use std::collections::BTreeMap;

use futures::future::join_all;
use semver::Version;

use super::docker::DockerCli;
use crate::error::InfraError;
use crate::kestra::OFFICIAL_IMAGE;
use crate::plan::ImageRef;
use crate::provider::Origin;
use crate::report::Observer;
use crate::tools::helm::{ChartRef, chart_for, chart_repository};
use crate::tools::toolbox::pins::Digest;
use crate::tools::toolbox::registry::Offered;
use crate::tools::toolbox::{Pins, Registry, RegistryError, Toolbox, without_credentials};

/// What the tag of a release ends in: without plugins first, since what a flow here uses is Kestra's core. Which of
/// them a release has is for the registry to say.
const VARIANTS: [&str; 3] = ["-no-plugins", "-slim", ""];

/// An image of the publisher's that can be had.
#[derive(Debug, Clone)]
pub struct OfficialImage {
    /// By its tag.
    pub image: ImageRef,
    /// The digest that is pinned for it.
    pinned: Option<Digest>,
    /// Where it is.
    pub place: Whereabouts,
}

/// Where an image is.
#[derive(Debug, Clone)]
pub enum Whereabouts {
    /// On the daemon, by this digest where it was pulled by one.
    Here(Option<String>),
    /// In the registry.
    Offered(Offered),
}

impl OfficialImage {
    /// In a few words, with the size of what is to be pulled.
    pub fn describe(&self) -> String {
        match &self.place {
            Whereabouts::Here(_) => format!("{} is here", self.image),
            Whereabouts::Offered(offered) => format!("{} can be pulled, {}", self.image, size(offered.bytes)),
        }
    }
}

/// Bytes of a download.
pub fn size(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn candidates(version: &Version) -> [ImageRef; 3] {
    VARIANTS.map(|variant| ImageRef {
        repository: OFFICIAL_IMAGE.into(),
        tag: format!("v{version}{variant}"),
    })
}

/// The image of a release: the one that the daemon has, else one that the registry offers.
///
/// # Errors
/// Why there is none, for the person at the terminal.
pub(crate) async fn find_image(
    version: &Version,
    toolbox: &Toolbox,
    docker: DockerCli<'_>,
) -> Result<OfficialImage, String> {
    let candidates = candidates(version);
    match on_daemon(&candidates, toolbox.pins(), docker).await {
        Some(found) => Ok(found),
        None => in_registry(version, &candidates, toolbox).await,
    }
}

async fn on_daemon(candidates: &[ImageRef], pins: &Pins, docker: DockerCli<'_>) -> Option<OfficialImage> {
    let asked = candidates.iter().map(async |image| {
        let digests = docker.digests(&image.to_string()).await?;
        let digests: Vec<&str> = digests
            .iter()
            .filter_map(|name| Some(name.split_once('@')?.1))
            .collect();
        let pinned = pins.digest(image);
        let digest = match pinned {
            Some(pinned) => Some(*digests.iter().find(|digest| **digest == pinned.as_str())?),
            None => digests.first().copied(),
        };
        Some(OfficialImage {
            image: image.clone(),
            pinned: pinned.cloned(),
            place: Whereabouts::Here(digest.map(str::to_owned)),
        })
    });
    join_all(asked).await.into_iter().flatten().next()
}

/// The image of a release that the nodes of somebody's cluster can pull, as far as this machine can tell.
///
/// # Errors
/// Why there is none, for the person at the terminal.
pub(crate) async fn find_for_nodes(version: &Version, toolbox: &Toolbox) -> Result<OfficialImage, String> {
    in_registry(version, &candidates(version), toolbox).await
}

async fn in_registry(version: &Version, candidates: &[ImageRef], toolbox: &Toolbox) -> Result<OfficialImage, String> {
    let registry = toolbox.registry().map_err(|e| e.to_string())?;
    let asked = candidates.iter().map(async |image| {
        let pinned = toolbox.pins().digest(image);
        let reference = pinned.map_or(image.tag.as_str(), Digest::as_str);
        (image, pinned, registry.image(&image.repository, reference).await)
    });
    let mut why = None;
    for (image, pinned, answer) in join_all(asked).await {
        match (answer, pinned) {
            (Ok(Some(offered)), pinned) => {
                return Ok(OfficialImage {
                    image: image.clone(),
                    pinned: pinned.cloned(),
                    place: Whereabouts::Offered(offered),
                });
            }
            (Ok(None), Some(pinned)) => {
                why = Some(format!(
                    "{} has no {}@{pinned}, the digest that is pinned for {}",
                    registry.host(),
                    image.repository,
                    image.tag
                ));
            }
            (Ok(None), None) => {}
            (Err(e), _) => {
                why.get_or_insert_with(|| e.to_string());
            }
        }
    }
    Err(why.unwrap_or_else(|| {
        let tags: Vec<_> = candidates.iter().map(|image| image.tag.as_str()).collect();
        format!(
            "{} has no {OFFICIAL_IMAGE} for Kestra {version}: none of {}",
            registry.host(),
            tags.join(", ")
        )
    }))
}

/// The digests of a release's tags.
///
/// # Errors
/// [`RegistryError`].
pub async fn digests(version: &Version, registry: &Registry) -> Result<BTreeMap<String, Digest>, RegistryError> {
    let mut digests = BTreeMap::new();
    for image in candidates(version) {
        if let Some(offered) = registry.image(&image.repository, &image.tag).await? {
            digests.insert(image.tag, offered.digest);
        }
    }
    Ok(digests)
}

/// The chart that installs a release, by the index of the publisher's repository or its mirror.
///
/// # Errors
/// Why there is none, for the person at the terminal.
pub(crate) async fn find_chart(version: &Version, toolbox: &Toolbox) -> Result<ChartRef, String> {
    let repository = chart_repository();
    let url = format!("{}/index.yaml", repository.trim_end_matches('/'));
    let repository = format!("the chart repository {}", without_credentials(&repository));
    let index = toolbox
        .page(&url)
        .await
        .map_err(|e| format!("{repository} does not answer: {}", e.brief()))?;
    match chart_for(version, &index) {
        Ok(chart) => Ok(ChartRef::Official(Some(chart))),
        Err(why) => Err(format!("{repository}: {why}")),
    }
}

/// Brings an image to the daemon, which may have it.
///
/// # Errors
/// [`InfraError`] with what the daemon said.
pub(crate) async fn obtain(
    found: &OfficialImage,
    toolbox: &Toolbox,
    docker: DockerCli<'_>,
    observer: &dyn Observer,
) -> Result<Origin, InfraError> {
    let name = found.image.to_string();
    let offered = match &found.place {
        Whereabouts::Here(digest) => {
            return Ok(Origin {
                digest: digest.clone(),
                by: "the daemon had it".into(),
            });
        }
        Whereabouts::Offered(offered) => offered,
    };
    let failed = |why: String| {
        InfraError::new(format!("pull {name}"), why).help(
            "`docker pull` says more; a mirror of the registry is named by KESTRA_SECRETS_IMAGE_MIRROR, or as one of \
             the daemon's own; --image names another image",
        )
    };
    let registry = toolbox.registry().map_err(|e| failed(e.to_string()))?;
    let source = PullSource::choose(&registry, &docker.mirrors().await);
    // The digest was found under the tag, or is the one that is pinned: what comes is that, or nothing does.
    let from = format!("{}{}@{}", source.prefix, found.image.repository, offered.digest);
    let all = size(offered.bytes);
    observer.phase(&name, &format!("pull {all}{}", source.told));
    let hear = |there: usize, layers: usize| observer.waiting(&name, &format!("layers, {there} of {layers} are here"));
    let pulled = docker.pull(&from, hear).await;
    observer.finished(&name);
    pulled.map_err(&failed)?;
    // What is pulled by its digest has no tag.
    let tagged = docker.tag(&from, &name).await;
    tagged.map_err(|e| failed(e.to_string()))?;
    let pinned = found.pinned.as_ref().map_or(", which is not pinned", |_| ", as pinned");
    Ok(Origin {
        digest: Some(offered.digest.to_string()),
        by: format!("pulled{}{pinned}", source.told),
    })
}

/// Where the daemon pulls from.
struct PullSource {
    /// What stands before the image's name.
    prefix: String,
    told: String,
}

impl PullSource {
    /// A mirror that the daemon does not know is named to it.
    fn choose(registry: &Registry, of_daemon: &[String]) -> Self {
        let host = registry.host();
        let known = of_daemon
            .iter()
            .find(|mirror| mirror.split("://").nth(1).unwrap_or(mirror).trim_end_matches('/') == host);
        match (registry.mirror(), known) {
            (Some(mirror), None) => Self {
                prefix: format!("{host}/"),
                told: format!(" from the mirror {mirror}"),
            },
            (Some(mirror), Some(_)) => Self {
                prefix: String::new(),
                told: format!(" through the daemon's mirror {mirror}"),
            },
            (None, _) if of_daemon.is_empty() => Self {
                prefix: String::new(),
                told: String::new(),
            },
            (None, _) => Self {
                prefix: String::new(),
                told: format!(" by a daemon that asks its mirrors first: {}", of_daemon.join(", ")),
            },
        }
    }
}

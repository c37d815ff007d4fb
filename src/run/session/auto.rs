//! What the user left open: the best that can be had here of the publisher's own image and chart on a kind cluster,
//! the testbed's images on one, and a child process.
//!
//! A context of the user's kubeconfig is never among the choices: it may be somebody's production.

use semver::Version;
use tokio_util::sync::CancellationToken;

use super::docker::DockerCli;
use super::official::{self, OfficialImage};
use super::{ProviderChoice, ProviderSpec, SessionOptions};
use crate::error::InfraError;
use crate::kestra::{KestraRef, OfficialRef};
use crate::plan::{ImageRef, ProviderKind};
use crate::provider::live::{self, KindOptions};
use crate::tools::helm::ChartRef;
use crate::tools::toolbox::Toolbox;

const NO_DAEMON: &str = "no Docker daemon answers";

/// Where which Kestra runs from which chart, and why.
#[derive(Debug)]
pub struct Choice {
    /// Where.
    pub place: ProviderSpec,
    /// The chart.
    pub chart: ChartRef,
    /// The Kestras.
    pub kestra: Vec<KestraRef>,
    /// The image of the official one among them, where it was looked for.
    pub image: Option<OfficialImage>,
    /// Why, in a few words for the person at the terminal; none where all is as it was named.
    pub because: Option<String>,
}

/// The publisher's own things that would be taken if they can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub version: Version,
    /// The Kestra was left open.
    pub kestra: bool,
    /// The chart was left open.
    pub chart: bool,
}

impl Wish {
    /// Ours goes with ours, and the publisher's with the publisher's: a Kestra that is named takes the chart along,
    /// and a chart the Kestra. None where there is nothing to wish for.
    pub(crate) fn from_options(options: &SessionOptions, toolbox: &Toolbox) -> Option<Self> {
        let on_kind = matches!(
            &options.place,
            ProviderChoice::Auto
                | ProviderChoice::Named(ProviderSpec::Live {
                    place: live::ClusterSpec::Kind(_),
                    ..
                })
        );
        let newest = &toolbox.pins().kestra.version;
        match (&options.kestra[..], &options.chart) {
            ([], chart) if options.images.is_empty() && on_kind => Some(Self {
                version: match chart {
                    None
                    | Some(
                        ChartRef::Official(None)
                        | ChartRef::Path(_)
                        | ChartRef::Oci(..)
                        | ChartRef::Url(_)
                        | ChartRef::Git(_),
                    ) => newest.clone(),
                    Some(ChartRef::Official(Some(version))) => version.clone(),
                    Some(ChartRef::Bundled(_)) => return None,
                },
                kestra: true,
                chart: chart.is_none(),
            }),
            ([KestraRef::Official(official)], None) => Some(Self {
                version: match official {
                    OfficialRef::Exact(version) => version.clone(),
                    OfficialRef::Newest => newest.clone(),
                    OfficialRef::Minor(..) => return None,
                },
                kestra: false,
                chart: !matches!(options.place, ProviderChoice::Named(ProviderSpec::Embedded)),
            })
            .filter(|wish| wish.chart),
            _ => None,
        }
    }

    fn what(&self) -> &'static str {
        match (self.kestra, self.chart) {
            (true, false) => "the official image",
            _ => "the official image and chart",
        }
    }
}

/// Looks what this machine can offer; starts and pulls nothing. `without` says why the publisher's own things are out
/// of the question.
///
/// # Errors
/// [`InfraError`] when something was asked that a child process cannot do, and kind cannot be had.
pub async fn choose(
    options: &SessionOptions,
    toolbox: &Toolbox,
    cancel: &CancellationToken,
    without: Option<&str>,
) -> Result<Choice, InfraError> {
    let docker = DockerCli(cancel);
    let wish = Wish::from_options(options, toolbox);
    let lack = match (&wish, without) {
        (Some(wish), None) => match take(wish, options, toolbox, docker).await {
            Ok(choice) => return Ok(choice),
            Err(why) => Some((wish, why)),
        },
        (Some(wish), Some(why)) => Some((wish, why.to_owned())),
        (None, _) => None,
    };
    // What kind lacks too is told once.
    let passed_over = match &lack {
        Some((wish, why)) if why != NO_DAEMON => format!("not {}: {why}; ", wish.what()),
        _ => String::new(),
    };
    let as_named = |place: &ProviderSpec, because: Option<String>| Choice {
        place: place.clone(),
        chart: options.chart(),
        kestra: options.kestras(),
        image: None,
        because,
    };
    if let ProviderChoice::Named(place) = &options.place {
        // Without a daemon what is named cannot run either, and says so itself.
        let lack = lack.filter(|(_, why)| why != NO_DAEMON);
        return Ok(as_named(
            place,
            lack.map(|(wish, why)| format!("not {}: {why}", wish.what())),
        ));
    }
    let because = match kind(options, toolbox, docker).await {
        Ok(because) => return Ok(as_named(&own_cluster(), Some(format!("{passed_over}{because}")))),
        Err(because) => format!("{passed_over}{because}"),
    };
    match options.flag_beyond(ProviderKind::Embedded) {
        None => Ok(as_named(&ProviderSpec::Embedded, Some(because))),
        Some(flag) => Err(
            InfraError::new(format!("choose a provider for --{}", flag.name), because).help(format!(
                "it needs {}; an embedded Kestra is a child process of the run",
                flag.providers()
            )),
        ),
    }
}

fn own_cluster() -> ProviderSpec {
    ProviderSpec::Live {
        place: live::ClusterSpec::Kind(KindOptions::default()),
        local_port: None,
    }
}

/// The publisher's own things, or what is lacking.
async fn take(
    wish: &Wish,
    options: &SessionOptions,
    toolbox: &Toolbox,
    docker: DockerCli<'_>,
) -> Result<Choice, String> {
    let named = match &options.place {
        ProviderChoice::Named(place) => Some(place.clone()),
        ProviderChoice::Auto => None,
    };
    let kestra = KestraRef::official(wish.version.clone());
    let runs_images = !matches!(
        named,
        Some(ProviderSpec::Live {
            place: live::ClusterSpec::Context { .. },
            ..
        })
    );
    let looks_for_image = runs_images && !options.images.iter().any(|image| image.is_for(&kestra));
    // Without a daemon nobody waits for the network.
    let daemon = match docker.version().await {
        None if looks_for_image => return Err(NO_DAEMON.into()),
        daemon => daemon,
    };
    let image = async {
        if !looks_for_image {
            return Ok(None);
        }
        official::find_image(&wish.version, toolbox, docker).await.map(Some)
    };
    let chart = async {
        if !wish.chart {
            return Ok(options.chart());
        }
        official::find_chart(&wish.version, toolbox).await
    };
    let node = async {
        match named {
            Some(_) => Ok(None),
            None => node(toolbox, docker).await.map(Some),
        }
    };
    let (image, chart, node) = tokio::join!(image, chart, node);
    let lacks: Vec<_> = [image.as_ref().err(), chart.as_ref().err(), node.as_ref().err()]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let (Ok(image), Ok(chart), Ok(node)) = (image, chart, node) else {
        return Err(lacks.join("; "));
    };
    let mut because: Vec<_> = daemon
        .iter()
        .map(|version| format!("Docker {version} answers"))
        .collect();
    because.extend(image.as_ref().map(OfficialImage::describe));
    because.extend(wish.chart.then(|| "the chart repository answers".to_owned()));
    because.extend(node.map(|node| format!("the node image {node} can be had")));
    Ok(Choice {
        place: named.unwrap_or_else(own_cluster),
        chart,
        kestra: vec![kestra],
        image,
        because: Some(format!("{}: {}", wish.what(), because.join(", "))),
    })
}

async fn node(toolbox: &Toolbox, docker: DockerCli<'_>) -> Result<String, String> {
    docker.node(toolbox.pins()).await.ok_or_else(|| {
        "Docker has no image for a kind node and cannot pull one; `testbed/testbed build` makes one".into()
    })
}

/// Why kind can be had, or why not.
async fn kind(options: &SessionOptions, toolbox: &Toolbox, docker: DockerCli<'_>) -> Result<String, String> {
    let kestras = options.kestras();
    if let Some(exec) = kestras.iter().find(|k| matches!(k, KestraRef::Exec(_))) {
        return Err(format!("{exec} is a file, not an image"));
    }
    let version = docker.version().await.ok_or(NO_DAEMON)?;
    for kestra in &kestras {
        image_of(kestra, options, toolbox, docker).await?;
    }
    let node = node(toolbox, docker).await?;
    Ok(format!(
        "Docker {version} answers, and the node image {node} can be had"
    ))
}

/// Whether there is an image of a Kestra for the daemon or the nodes.
async fn image_of(
    kestra: &KestraRef,
    options: &SessionOptions,
    toolbox: &Toolbox,
    docker: DockerCli<'_>,
) -> Result<(), String> {
    let named = options.images.iter().any(|image| image.is_for(kestra));
    if let (KestraRef::Official(OfficialRef::Exact(version)), false) = (kestra, named) {
        return official::find_image(version, toolbox, docker).await.map(drop);
    }
    // What the testbed makes stands in no registry; any other image is the nodes' to pull.
    let images = live::images([kestra], &options.images);
    let ours = images
        .values()
        .map(ImageRef::to_string)
        .find(|image| image.starts_with(live::TESTBED));
    match ours {
        Some(image) if !docker.has(&image).await => Err(format!(
            "Docker has no image of {kestra}; `testbed/testbed build` makes one"
        )),
        _ => Ok(()),
    }
}

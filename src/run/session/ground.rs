//! What a run stands on once all is chosen: where, which chart, which Kestras by their exact versions, which images.

use std::collections::BTreeMap;

use semver::Version;
use tokio_util::sync::CancellationToken;

use super::auto::{self, Choice, Wish};
use super::docker::DockerCli;
use super::official::{self, OfficialImage};
use super::{ProviderChoice, ProviderSpec, SessionOptions};
use crate::error::InfraError;
use crate::kestra::{KestraRef, OfficialRef};
use crate::plan::ImageRef;
use crate::provider::{Origin, live};
use crate::report::Observer;
use crate::tools::helm::ChartRef;
use crate::tools::toolbox::Toolbox;

const WHO: &str = "provider";

/// All that was named or chosen.
pub(super) struct Ground {
    pub place: ProviderSpec,
    /// Why it is that, where something was left open.
    pub because: Option<String>,
    pub kestras: Vec<(KestraRef, Version)>,
    pub images: BTreeMap<KestraRef, ImageRef>,
    /// How those of the publisher's came here.
    pub origins: BTreeMap<KestraRef, Origin>,
}

impl Ground {
    /// Chooses what was left open, after which the options say all of it, and pulls the images.
    pub async fn find(
        options: &mut SessionOptions,
        toolbox: &Toolbox,
        observer: &dyn Observer,
        cancel: &CancellationToken,
    ) -> Result<Self, InfraError> {
        exact(options, toolbox, cancel).await?;
        let asks = matches!(options.place, ProviderChoice::Auto) || Wish::from_options(options, toolbox).is_some();
        let mut without = None;
        loop {
            if asks {
                observer.phase(
                    WHO,
                    "ask Docker what it has, and where the official image and chart are",
                );
            }
            let choice = auto::choose(options, toolbox, cancel, without.as_deref()).await;
            observer.finished(WHO);
            let choice = choice?;
            let chosen_here = choice.kestra != options.kestras();
            match images(&choice, options, toolbox, observer, cancel).await {
                Ok((images, origins)) => {
                    return Self::resolved(choice, images, origins, options, toolbox, cancel).await;
                }
                // What nobody named gives way to the next best, once.
                Err(infra) if chosen_here && without.is_none() && !cancel.is_cancelled() => {
                    without = Some(infra.to_string());
                }
                Err(infra) => return Err(infra),
            }
        }
    }

    async fn resolved(
        choice: Choice,
        images: BTreeMap<KestraRef, ImageRef>,
        origins: BTreeMap<KestraRef, Origin>,
        options: &mut SessionOptions,
        toolbox: &Toolbox,
        cancel: &CancellationToken,
    ) -> Result<Self, InfraError> {
        let mut kestras = Vec::new();
        for kestra in &choice.kestra {
            kestras.push(kestra.resolve(toolbox, cancel).await?);
        }
        options.kestra = choice.kestra;
        options.chart = Some(match choice.chart {
            ChartRef::Official(None) => ChartRef::Official(Some(toolbox.pins().kestra.version.clone())),
            other => other,
        });
        Ok(Self {
            place: choice.place,
            because: choice.because,
            kestras,
            images,
            origins,
        })
    }
}

/// Puts exact versions in the place of `official` and `official@1.3`, in what is said of images too.
///
/// # Errors
/// [`InfraError`] when the registry does not tell its tags.
pub(crate) async fn exact(
    options: &mut SessionOptions,
    toolbox: &Toolbox,
    cancel: &CancellationToken,
) -> Result<(), InfraError> {
    for kestra in &mut options.kestra {
        if matches!(kestra, KestraRef::Official(_)) {
            let (exact, _) = kestra.resolve(toolbox, cancel).await?;
            let images = std::mem::take(&mut options.images);
            options.images = images.into_iter().map(|image| image.renamed(kestra, &exact)).collect();
            *kestra = exact;
        }
    }
    Ok(())
}

/// The image of each Kestra; the publisher's are on the daemon afterwards, where it is the daemon that runs them or
/// hands them to the nodes.
async fn images(
    choice: &Choice,
    options: &SessionOptions,
    toolbox: &Toolbox,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<(BTreeMap<KestraRef, ImageRef>, BTreeMap<KestraRef, Origin>), InfraError> {
    let docker = DockerCli(cancel);
    let mut images = live::images(&choice.kestra, &options.images);
    let mut origins = BTreeMap::new();
    let nodes_pull = match &choice.place {
        ProviderSpec::Embedded => return Ok((images, origins)),
        // The chart's own image runs.
        ProviderSpec::Live { .. } if !options.defaults => return Ok((images, origins)),
        ProviderSpec::Live { place, .. } => matches!(place, live::ClusterSpec::Context { .. }),
        ProviderSpec::Docker => false,
    };
    for kestra in &choice.kestra {
        let KestraRef::Official(OfficialRef::Exact(version)) = kestra else {
            continue;
        };
        if options.images.iter().any(|image| image.is_for(kestra)) {
            continue;
        }
        if nodes_pull {
            match official::find_for_nodes(version, toolbox).await {
                Ok(found) => drop(images.insert(kestra.clone(), found.image)),
                Err(why) => tracing::info!("{kestra}: {why}; the nodes are to pull its plain tag"),
            }
            continue;
        }
        let found = match &choice.image {
            Some(found) => found.clone(),
            None => find(kestra, version, toolbox, docker).await?,
        };
        let origin = official::obtain(&found, toolbox, docker, observer).await?;
        images.insert(kestra.clone(), found.image);
        origins.insert(kestra.clone(), origin);
    }
    Ok((images, origins))
}

async fn find(
    kestra: &KestraRef,
    version: &Version,
    toolbox: &Toolbox,
    docker: DockerCli<'_>,
) -> Result<OfficialImage, InfraError> {
    official::find_image(version, toolbox, docker).await.map_err(|why| {
        InfraError::new(format!("find the image of {kestra}"), why).help(
            "name a mirror of the registry by KESTRA_SECRETS_IMAGE_MIRROR, or another image by --image; `docker pull` \
             and `docker load` bring one, and --provider embedded takes the publisher's standalone file",
        )
    })
}

//! Checks Docker: the daemon, its cgroups, and the images that it has or can pull.

use std::path::Path;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::machine::{free, gib};
use super::{Check, CheckStatus};
use crate::kestra::{KestraRef, OfficialRef};
use crate::plan::ProviderKind;
use crate::provider::live;
use crate::run::session::SessionOptions;
use crate::run::session::auto::Wish;
use crate::run::session::docker::DockerCli;
use crate::run::session::official::{OfficialImage, Whereabouts, find_image, size};
use crate::system::process::{Command, Deadline};
use crate::tools::toolbox::Toolbox;

const ASK: Deadline = Deadline::seconds("an answer of Docker", 10);
/// What one Kestra and a control plane take on a kind node, in bytes.
const KIND_MEMORY: u64 = 2 << 30;
/// How many times as large as its download an image is: layers unpack to about twice and a half, and both the daemon
/// and the node keep them.
const UNPACKED: u64 = 5;
const NEEDED_BY: [ProviderKind; 2] = [ProviderKind::Docker, ProviderKind::Kind];

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Info {
    server_version: String,
    server_errors: Vec<String>,
    cgroup_version: String,
    #[serde(rename = "NCPU")]
    cpus: u64,
    mem_total: u64,
    docker_root_dir: String,
}

/// `kestras` are those whose images are needed.
pub(super) async fn check_docker(
    options: &SessionOptions,
    kestras: &[KestraRef],
    toolbox: &Toolbox,
    cancel: &CancellationToken,
) -> Vec<Check> {
    let info = match info(cancel).await {
        Ok(info) => info,
        Err(why) => return vec![without(&why)],
    };
    let found = format!(
        "Docker {}, {} CPUs, {} of memory",
        info.server_version,
        info.cpus,
        gib(info.mem_total)
    );
    let mut findings = vec![if info.mem_total < KIND_MEMORY {
        Check::new("docker", CheckStatus::Warning, found).cure("kestra-secrets run --provider embedded")
    } else {
        Check::ok("docker", found)
    }];
    findings.push(cgroup(&info.cgroup_version));
    let docker = DockerCli(cancel);
    for kestra in kestras {
        let own = options.images.iter().any(|image| image.is_for(kestra));
        if let (KestraRef::Official(OfficialRef::Exact(version)), false) = (kestra, own) {
            let found = find_image(version, toolbox, docker).await;
            findings.push(official_image(&format!("image of {kestra}"), found, &info, &NEEDED_BY));
            continue;
        }
        for (kestra, image) in live::images([kestra], &options.images) {
            findings.push(image_of(docker, &kestra, &image.to_string()).await);
        }
    }
    if let Some(wish) = Wish::from_options(options, toolbox).filter(|wish| wish.kestra) {
        let official = KestraRef::official(wish.version.clone());
        if !kestras.contains(&official) {
            let found = find_image(&wish.version, toolbox, docker).await;
            findings.push(official_image(&format!("image of {official}"), found, &info, &[]));
        }
    }
    findings.push(node(toolbox, docker).await);
    findings
}

/// The publisher's image, with what it takes to have it.
fn official_image(check: &str, found: Result<OfficialImage, String>, info: &Info, needed_by: &[ProviderKind]) -> Check {
    let image = match found {
        Ok(image) => image,
        Err(why) => {
            let finding = match needed_by {
                [] => Check::new(check, CheckStatus::Note, format!("{why}; a run works without it")),
                _ => Check::missing(check, needed_by, why),
            };
            return finding.cure("export KESTRA_SECRETS_IMAGE_MIRROR=URL");
        }
    };
    let Whereabouts::Offered(offered) = &image.place else {
        return Check::ok(check, image.describe());
    };
    let disk = offered.bytes.saturating_mul(UNPACKED);
    let found = format!(
        "{}; it needs about {} of disk for the daemon and a node, and {} of memory for a run",
        image.describe(),
        gib(disk),
        gib(KIND_MEMORY)
    );
    match free(Path::new(&info.docker_root_dir)) {
        Some(free) if !info.docker_root_dir.is_empty() && free < disk => {
            let found = format!("{found}; {} has {} free", info.docker_root_dir, gib(free));
            Check::new(check, CheckStatus::Warning, found).cure("docker system prune")
        }
        _ => Check::ok(check, found),
    }
}

/// The image of a kind node, with what is to be pulled for it.
async fn node(toolbox: &Toolbox, docker: DockerCli<'_>) -> Check {
    let check = "kind node image";
    let Some(node) = docker.node(toolbox.pins()).await else {
        return Check::missing(check, &[ProviderKind::Kind], "no image is here, and none can be pulled")
            .cure("testbed/testbed build");
    };
    if docker.has(&node).await {
        return Check::ok(check, format!("{node} is here"));
    }
    let pinned = &toolbox.pins().node.image;
    let asked = async {
        toolbox
            .registry()
            .ok()?
            .image(&pinned.repository, &pinned.tag)
            .await
            .ok()?
    };
    let bytes = asked.await.map(|offered| format!(", {}", size(offered.bytes)));
    Check::ok(check, format!("{node} can be pulled{}", bytes.unwrap_or_default()))
}

async fn info(cancel: &CancellationToken) -> Result<Info, String> {
    let asked = Command::new("docker").args(["info", "--format", "{{json .}}"]);
    let said = asked.run(ASK, cancel).await.map_err(|e| e.to_string())?;
    let info: Info =
        serde_json::from_slice(&said.stdout).map_err(|e| format!("cannot parse the output of docker info: {e}"))?;
    if info.server_version.is_empty() {
        return Err(info.server_errors.join("; "));
    }
    Ok(info)
}

fn without(why: &str) -> Check {
    let cure = if why.contains("permission denied") {
        "sudo usermod -aG docker \"$USER\" && newgrp docker"
    } else if why.contains("failed to start docker") {
        "apt-get install docker.io  # Debian, Ubuntu; elsewhere see docs.docker.com/engine/install"
    } else {
        "sudo systemctl start docker"
    };
    Check::missing("docker", &NEEDED_BY, why).cure(cure)
}

fn cgroup(version: &str) -> Check {
    match version {
        "1" => Check::new(
            "cgroup",
            CheckStatus::Warning,
            "Docker runs on cgroup v1, which kubelets from 1.35 refuse; most node images are older",
        )
        .cure("boot with the kernel parameter systemd.unified_cgroup_hierarchy=1, or choose a node before 1.35 with --node-image"),
        "" => Check::new("cgroup", CheckStatus::Note, "Docker does not report its version"),
        version => Check::ok("cgroup", format!("v{version}")),
    }
}

async fn image_of(docker: DockerCli<'_>, kestra: &KestraRef, image: &str) -> Check {
    let check = format!("image of {kestra}");
    if docker.has(image).await {
        return Check::ok(check, format!("{image} is here"));
    }
    let ours = image.starts_with(live::TESTBED);
    if !ours && docker.offered(image).await {
        return Check::ok(check, format!("{image} can be pulled"));
    }
    Check::missing(check, &NEEDED_BY, format!("{image} is not here and cannot be pulled")).cure(if ours {
        "testbed/testbed build".to_owned()
    } else {
        format!("docker pull {image}  # or name another with --image")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cure_goes_by_what_docker_says() {
        let cure = |why| without(why).cure.unwrap();
        assert!(cure("failed to start docker: No such file").contains("install"));
        assert!(cure("failed to run docker: permission denied while trying").contains("usermod"));
        assert!(cure("Cannot connect to the Docker daemon").contains("systemctl"));
    }

    #[test]
    fn cgroup_v1_is_a_warning_and_v2_is_well() {
        assert_eq!(cgroup("1").status, CheckStatus::Warning);
        assert_eq!(cgroup("2").status, CheckStatus::Ok);
    }
}

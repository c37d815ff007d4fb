//! Finding a Java, and Maven.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use super::search::is_executable;
use super::{FolderTool, How, Miss, Toolbox, ToolboxError, miss};
use crate::system::process::Command;

const JAVA: &str = "KESTRA_SECRETS_JAVA_HOME";
const MAVEN: &str = "KESTRA_SECRETS_MAVEN";
const MAVEN_ACCEPTED: &str = ">=3.8";

/// A Java that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Java {
    /// Its home, of which `bin/java` is the executable.
    pub home: PathBuf,
    /// Its whole version, such as `25.0.3`.
    pub version: String,
    /// The number that counts: `25`.
    pub feature: u32,
    /// Whether it has a compiler, as building the engine needs.
    pub is_jdk: bool,
    /// Where it was found.
    pub how: How,
}

impl Java {
    /// The executable.
    pub fn executable(&self) -> PathBuf {
        self.home.join("bin").join("java")
    }
}

/// A Maven that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maven {
    /// Its executable.
    pub path: PathBuf,
    /// Its version.
    pub version: Version,
    /// Where it was found.
    pub how: How,
}

/// What a Java must be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JavaFor {
    /// Run programs: a runtime will do.
    Running,
    /// Compile them too: it must be a JDK.
    Building,
}

/// Directories of which each Java that is installed has one of its own.
pub(super) fn roots(home: &Path) -> Vec<PathBuf> {
    let system = [
        "/usr/lib/jvm",
        "/usr/java",
        "/opt",
        "/Library/Java/JavaVirtualMachines",
        "/opt/homebrew/opt",
        "/usr/local/opt",
    ];
    let user = [
        ".sdkman/candidates/java",
        ".jdks",
        "Library/Java/JavaVirtualMachines",
        ".asdf/installs/java",
        ".local/share/mise/installs/java",
    ];
    let user = user.iter().map(|dir| home.join(dir));
    system.iter().map(PathBuf::from).chain(user).collect()
}

impl Toolbox {
    /// Finds a Java of at least this feature version (`25`), or provides one: the one that `KESTRA_SECRETS_JAVA_HOME`
    /// names and no other; else what [`Toolbox::java_here`] finds; else Eclipse Temurin, downloaded into the cache.
    ///
    /// # Errors
    /// [`ToolboxError`].
    pub async fn java(&self, least: u32, purpose: JavaFor) -> Result<Java, ToolboxError> {
        let (what, mut tried, help) = match self.java_here(least, purpose).await {
            Err(ToolboxError::NotFound { what, tried, help }) => (what, tried, help),
            found => return found,
        };
        let provided = async {
            let (home, how) = self.provide_folder(FolderTool::Jdk).await?;
            self.inspect(&home, how, least, purpose).await
        };
        match provided.await {
            Ok(java) => Ok(java),
            Err(Miss::Stop(error)) => Err(error),
            Err(Miss::No(why)) => {
                tried.push(why);
                Err(ToolboxError::NotFound { what, tried, help })
            }
        }
    }

    /// Finds a Java where it is, and provides nothing: the one that `KESTRA_SECRETS_JAVA_HOME` names and no other; else
    /// the one of `JAVA_HOME`, if it will do; else the newest of those on `PATH`, where Javas are usually installed, and
    /// in our cache.
    ///
    /// # Errors
    /// [`ToolboxError::Named`], [`ToolboxError::NotFound`], [`ToolboxError::Cancelled`].
    pub async fn java_here(&self, least: u32, purpose: JavaFor) -> Result<Java, ToolboxError> {
        if let Some(home) = self.vars.get(JAVA) {
            let java = self.inspect(Path::new(home), How::Named(JAVA), least, purpose).await;
            return java.map_err(|miss| match miss {
                Miss::No(why) => ToolboxError::Named {
                    tool: "Java",
                    variable: JAVA,
                    why,
                },
                Miss::Stop(error) => error,
            });
        }

        let mut tried = Vec::new();
        let mut newest: Option<Java> = None;
        for (home, how) in self.java_homes() {
            let preferred = how == How::Named("JAVA_HOME");
            match self.inspect(&home, how, least, purpose).await {
                Ok(java) if preferred => return Ok(java),
                Ok(java) if newest.as_ref().is_none_or(|best| best.feature < java.feature) => {
                    newest = Some(java);
                }
                Ok(_) => {}
                Err(Miss::No(why)) => tried.push(why),
                Err(Miss::Stop(error)) => return Err(error),
            }
        }
        newest.ok_or_else(|| {
            let (kind, package) = match purpose {
                JavaFor::Running => ("Java", "jre"),
                JavaFor::Building => ("JDK", "jdk"),
            };
            if tried.is_empty() {
                tried.push("there is none on PATH nor where they are usually installed".into());
            }
            ToolboxError::NotFound {
                what: format!("a {kind} {least} or later"),
                tried,
                help: format!(
                    "install one, such as Eclipse Temurin (adoptium.net) or, on Debian and \
                     Ubuntu, `apt-get install openjdk-{least}-{package}-headless`; name the home of \
                     one by {JAVA}; or name a mirror to download one from by {}",
                    FolderTool::Jdk.mirror_variable()
                ),
            }
        })
    }

    /// Finds a Maven as [`Toolbox::maven_here`] does, or downloads one into the cache.
    ///
    /// # Errors
    /// [`ToolboxError`].
    pub async fn maven(&self, java: &Java) -> Result<Maven, ToolboxError> {
        let (what, mut tried, help) = match self.maven_here(java).await {
            Err(ToolboxError::NotFound { what, tried, help }) => (what, tried, help),
            found => return found,
        };
        match self.provide_folder(FolderTool::Maven).await {
            Ok((folder, how)) => {
                let path = folder.join("bin/mvn");
                match self.maven_version(&path, java).await {
                    Ok(version) => return Ok(Maven { path, version, how }),
                    Err(Miss::No(why)) => tried.push(why),
                    Err(Miss::Stop(error)) => return Err(error),
                }
            }
            Err(Miss::No(why)) => tried.push(why),
            Err(Miss::Stop(error)) => return Err(error),
        }
        Err(ToolboxError::NotFound { what, tried, help })
    }

    async fn maven_version(&self, path: &Path, java: &Java) -> Result<Version, Miss> {
        let asked = Command::new(path).arg("--version").env("JAVA_HOME", &java.home);
        self.version(Self::MVN, path, asked, MAVEN_ACCEPTED).await
    }

    /// Finds a Maven of at least 3.8: the one that `KESTRA_SECRETS_MAVEN` names, or `mvn` on `PATH`, or that of
    /// `MAVEN_HOME`, or the one in our cache. It runs on the given Java.
    ///
    /// # Errors
    /// [`ToolboxError::Named`], [`ToolboxError::NotFound`], [`ToolboxError::Cancelled`].
    pub async fn maven_here(&self, java: &Java) -> Result<Maven, ToolboxError> {
        let named = self.vars.get(MAVEN).map(PathBuf::from);
        let of_home = self.vars.get("MAVEN_HOME").map(|home| Path::new(home).join("bin/mvn"));
        let candidates = match named {
            Some(path) => vec![(path, How::Named(MAVEN))],
            None => [
                self.on_path("mvn").map(|path| (path, How::OnPath)),
                of_home.map(|path| (path, How::Named("MAVEN_HOME"))),
                self.cached_folder(FolderTool::Maven)
                    .map(|folder| (folder.join("bin/mvn"), How::Cached)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        let mut tried = Vec::new();
        for (path, how) in candidates {
            match self.maven_version(&path, java).await {
                Ok(version) => return Ok(Maven { path, version, how }),
                Err(Miss::No(why)) if how == How::Named(MAVEN) => {
                    return Err(ToolboxError::Named {
                        tool: Self::MVN,
                        variable: MAVEN,
                        why,
                    });
                }
                Err(Miss::No(why)) => tried.push(why),
                Err(Miss::Stop(error)) => return Err(error),
            }
        }
        if tried.is_empty() {
            tried.push("mvn is not on PATH".into());
        }
        Err(ToolboxError::NotFound {
            what: format!("Maven {MAVEN_ACCEPTED}"),
            tried,
            help: format!(
                "install one from maven.apache.org or, on Debian and Ubuntu, by `apt-get install \
                 maven`; name its mvn by {MAVEN}; or name a mirror to download one from by {}",
                FolderTool::Maven.mirror_variable()
            ),
        })
    }

    const MVN: &'static str = "Maven";

    /// Where a Java may be, best first, each once.
    fn java_homes(&self) -> Vec<(PathBuf, How)> {
        let named = self
            .vars
            .get("JAVA_HOME")
            .map(|home| (home.into(), How::Named("JAVA_HOME")));
        let on_path = self.on_path("java").and_then(|java| {
            // On PATH there is but a link to it.
            let home = fs::canonicalize(java).ok()?.parent()?.parent()?.to_owned();
            Some((home, How::OnPath))
        });
        let mut installed: Vec<_> = self
            .java_roots
            .iter()
            .filter_map(|root| fs::read_dir(root).ok())
            .flatten()
            .flatten()
            .flat_map(|entry| {
                let dir = entry.path();
                [
                    dir.join("Contents/Home"),
                    dir.join("libexec/openjdk.jdk/Contents/Home"),
                    dir,
                ]
            })
            .filter(|home| is_executable(&home.join("bin/java")))
            .map(|home| (home, How::Installed))
            .collect();
        // The order in which a directory lists what it holds is nobody's choice.
        installed.sort_by(|a, b| a.0.cmp(&b.0));

        let mut seen = HashSet::new();
        named
            .into_iter()
            .chain(on_path)
            .chain(installed)
            .chain(self.cached_folder(FolderTool::Jdk).map(|home| (home, How::Cached)))
            .filter(|(home, _)| seen.insert(fs::canonicalize(home).unwrap_or(home.clone())))
            .collect()
    }

    /// The Java of a home, if it is one and will do.
    async fn inspect(&self, home: &Path, how: How, least: u32, purpose: JavaFor) -> Result<Java, Miss> {
        let executable = home.join("bin/java");
        let shown = home.display();
        if !is_executable(&executable) {
            return Err(Miss::No(format!("{shown} has no bin/java")));
        }
        let version = match fs::read_to_string(home.join("release")) {
            Ok(release) => released_version(&release),
            Err(_) => None,
        };
        let version = match version {
            Some(version) => version,
            None => self.told_version(&executable).await?,
        };
        let feature =
            feature(&version).ok_or_else(|| Miss::No(format!("{shown} is of unknown version {version:?}")))?;
        let is_jdk = is_executable(&home.join("bin/javac"));
        if feature < least {
            return Err(Miss::No(format!("{shown} is Java {feature}")));
        }
        if purpose == JavaFor::Building && !is_jdk {
            return Err(Miss::No(format!("{shown} is Java {feature} without a compiler")));
        }
        Ok(Java {
            home: home.to_owned(),
            version,
            feature,
            is_jdk,
            how,
        })
    }

    /// What `java -version` says, for homes without a `release` file.
    async fn told_version(&self, executable: &Path) -> Result<String, Miss> {
        let asked = Command::new(executable).arg("-version");
        let output = asked
            .run(self.version, &self.cancel)
            .await
            .map_err(|e| miss("Java", &e))?;
        // It is the first thing in quotes: `openjdk version "17.0.15" 2025-04-15`.
        let said = String::from_utf8_lossy(&output.stderr);
        said.split('"')
            .nth(1)
            .map(str::to_owned)
            .ok_or_else(|| Miss::No(format!("{} tells no version", executable.display())))
    }
}

/// The `JAVA_VERSION` of a home's `release` file.
fn released_version(release: &str) -> Option<String> {
    let value = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// The number that counts of a version: `25` of `25.0.3`, `25` of `25-ea`, `8` of `1.8.0_302`.
fn feature(version: &str) -> Option<u32> {
    let counts = version.strip_prefix("1.").unwrap_or(version);
    counts.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

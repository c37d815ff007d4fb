use super::*;

const JAVA: &str = "#!/bin/sh\nexit 1\n";
const MVN: &str = "#!/bin/sh\necho Apache Maven 3.9.11\n";

/// An archive of one folder with these executables.
fn folder(members: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in members {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn jdk() -> Vec<u8> {
    let release = "JAVA_VERSION=\"25.0.4\"\n";
    folder(&[
        ("jdk-25/bin/java", JAVA),
        ("jdk-25/bin/javac", JAVA),
        ("jdk-25/release", release),
    ])
}

/// A machine whose server has this archive, pinned as what is given.
fn machine(tool: FolderTool, archive: &[u8], pinned: &[u8]) -> Machine {
    let mut machine = Machine::new();
    machine.pins.pin_folder(tool, hex::encode(Sha256::digest(pinned)));
    machine.server.answer = Some(archive.to_vec());
    machine
}

/// What lies in the cache, but for folders that are empty.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[tokio::test]
async fn a_jdk_is_downloaded_once_where_none_is_installed() {
    let machine = machine(FolderTool::Jdk, &jdk(), &jdk());
    machine.java("jvm/old", "17.0.15");
    let (toolbox, dir, server) = machine.toolbox();
    assert!(toolbox.java_here(25, JavaFor::Building).await.is_err());
    let java = toolbox.java(25, JavaFor::Building).await.unwrap();
    assert!(java.home.starts_with(dir.path().join("cache")) && java.is_jdk);
    assert_eq!((java.feature, java.version.as_str()), (25, "25.0.4"));
    assert!(
        matches!(&java.how, How::Downloaded(url) if url.contains("jdk-25.0.4%2B7")),
        "{:?}",
        java.how
    );
    let again = toolbox.java(25, JavaFor::Building).await.unwrap();
    assert_eq!((again.home, again.how), (java.home, How::Cached));
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn two_that_need_a_jdk_at_once_download_one() {
    let (toolbox, _dir, server) = machine(FolderTool::Jdk, &jdk(), &jdk()).toolbox();
    let (one, other) = tokio::join!(toolbox.java(25, JavaFor::Building), toolbox.java(25, JavaFor::Running));
    assert_eq!(one.unwrap().home, other.unwrap().home);
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn maven_is_downloaded_from_the_mirror_that_is_named() {
    let archive = folder(&[("apache-maven-3.9.11/bin/mvn", MVN)]);
    let mut machine = machine(FolderTool::Maven, &archive, &archive);
    let home = machine.java("mine", "25.0.3");
    machine.name("KESTRA_SECRETS_JAVA_HOME", &home);
    machine.name("KESTRA_SECRETS_MAVEN_MIRROR", "http://127.0.0.1:1/maven/");
    let (toolbox, _dir, _server) = machine.toolbox();
    let java = toolbox.java(25, JavaFor::Running).await.unwrap();
    let maven = toolbox.maven(&java).await.unwrap();
    let url = "http://127.0.0.1:1/maven/3.9.11/binaries/apache-maven-3.9.11-bin.tar.gz";
    assert_eq!(
        (maven.version, maven.how),
        (Version::new(3, 9, 11), How::Downloaded(url.into()))
    );
}

#[tokio::test]
async fn an_archive_that_was_changed_is_refused_and_not_kept() {
    let (toolbox, dir, _server) = machine(FolderTool::Jdk, &jdk(), b"what was released").toolbox();
    let error = toolbox.java(25, JavaFor::Building).await.unwrap_err();
    assert!(matches!(error, ToolboxError::Checksum { .. }), "{error}");
    assert!(files(&dir.path().join("cache")).is_empty());
}

#[tokio::test]
async fn what_is_half_an_archive_or_none_leaves_nothing_half_made() {
    let whole = jdk();
    let two = folder(&[("jdk-25/bin/java", JAVA), ("other/file", "")]);
    for (archive, why) in [
        (&whole[..whole.len() / 2], "failed to unpack"),
        (&b"<html>"[..], "failed to unpack"),
        (&two, "more than one folder"),
    ] {
        let (toolbox, dir, _server) = machine(FolderTool::Jdk, archive, archive).toolbox();
        let error = toolbox.java(25, JavaFor::Building).await.unwrap_err().to_string();
        assert!(
            error.contains(why) && error.contains("KESTRA_SECRETS_JAVA_MIRROR"),
            "{error}"
        );
        assert!(files(&dir.path().join("cache")).is_empty(), "{archive:?}");
    }
}

#[tokio::test]
async fn a_path_that_leaves_the_folder_is_not_written() {
    let evil = archive(&[
        ("jdk/release", tar::EntryType::Regular, b"JAVA_VERSION=\"25\"\n"),
        ("../../../escaped", tar::EntryType::Regular, b"x"),
    ]);
    let (toolbox, dir, _server) = machine(FolderTool::Jdk, &evil, &evil).toolbox();
    assert!(toolbox.java(25, JavaFor::Running).await.is_err());
    let escaped = files(dir.path()).into_iter().any(|path| path.ends_with("escaped"));
    assert!(!escaped);
}

#[tokio::test]
async fn without_a_download_the_error_says_what_was_tried_and_what_to_do() {
    let mut machine = Machine::new();
    machine.pins.pin_folder(FolderTool::Jdk, "0".repeat(64));
    let error = machine.find_java(25, JavaFor::Building).await.unwrap_err().to_string();
    for words in [
        "the server answered 404",
        "apt-get install openjdk-25-jdk-headless",
        "KESTRA_SECRETS_JAVA_MIRROR",
    ] {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_named() {
    let machine = machine(FolderTool::Jdk, &jdk(), &jdk());
    machine.file("cache", "a file where the cache should be");
    let (toolbox, dir, _server) = machine.toolbox();
    let error = toolbox.java(25, JavaFor::Building).await.unwrap_err().to_string();
    assert!(
        error.contains(&dir.path().join("cache").display().to_string()),
        "{error}"
    );
}

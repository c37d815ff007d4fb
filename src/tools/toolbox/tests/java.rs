use super::*;

#[tokio::test]
async fn java_home_is_taken_if_it_will_do_even_if_another_is_newer() {
    let mut machine = Machine::new();
    let home = machine.java("mine", "21.0.4");
    machine.java("jvm/temurin-25", "25.0.3");
    machine.name("JAVA_HOME", &home);
    let java = machine.find_java(21, JavaFor::Running).await.unwrap();
    assert_eq!((java.home, java.feature, java.how), (home, 21, How::Named("JAVA_HOME")));
}

#[tokio::test]
async fn the_newest_java_is_taken_if_java_home_will_not_do() {
    let mut machine = Machine::new();
    let old = machine.java("mine", "17.0.15");
    machine.java("jvm/temurin-21", "21.0.4");
    let newest = machine.java("jvm/mac/Contents/Home", "25");
    machine.java("jvm/ancient", "1.8.0_302");
    machine.name("JAVA_HOME", &old);
    let java = machine.find_java(21, JavaFor::Running).await.unwrap();
    assert_eq!((java.home, java.version.as_str(), java.is_jdk), (newest, "25", false));
}

#[tokio::test]
async fn building_needs_a_compiler() {
    let machine = Machine::new();
    machine.java("jvm/runtime-25", "25.0.3");
    let jdk = machine.java("jvm/jdk-21", "21.0.4");
    machine.script("jvm/jdk-21/bin/javac", "exit 1");
    let java = machine.find_java(21, JavaFor::Building).await.unwrap();
    assert_eq!((java.home, java.is_jdk), (jdk, true));
}

#[tokio::test]
async fn a_java_on_path_is_found_through_its_links_and_asked_if_it_has_no_release_file() {
    let machine = Machine::new();
    machine.script("real/bin/java", "echo 'openjdk version \"25-ea\" 2025-09-16' >&2");
    fs::create_dir_all(machine.path("bin")).unwrap();
    std::os::unix::fs::symlink(machine.path("real/bin/java"), machine.path("bin/java")).unwrap();
    let home = fs::canonicalize(machine.path("real")).unwrap();
    let java = machine.find_java(25, JavaFor::Running).await.unwrap();
    assert_eq!((java.home, java.feature, java.how), (home, 25, How::OnPath));
}

#[tokio::test]
async fn no_java_is_an_error_that_says_what_to_install() {
    let machine = Machine::new();
    machine.java("jvm/old", "17.0.15");
    let error = machine.find_java(25, JavaFor::Building).await.unwrap_err().to_string();
    assert!(error.contains("jvm/old is Java 17"), "{error}");
    assert!(error.contains("apt-get install openjdk-25-jdk-headless"), "{error}");
}

#[tokio::test]
async fn maven_runs_on_the_java_that_was_found() {
    let mut machine = Machine::new();
    let home = machine.java("mine", "21.0.4");
    machine.name("KESTRA_SECRETS_JAVA_HOME", &home);
    let script = format!("[ \"$JAVA_HOME\" = '{}' ] && echo Apache Maven 3.9.9", home.display());
    let path = machine.script("bin/mvn", &script);
    let (toolbox, _dir, _server) = machine.toolbox();
    let java = toolbox.java(21, JavaFor::Running).await.unwrap();
    let maven = toolbox.maven(&java).await.unwrap();
    assert_eq!((maven.path, maven.version), (path, Version::new(3, 9, 9)));
}

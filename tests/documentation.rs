//! README and docs/: every link leads somewhere, the book has every page, and examples print what they say.

// What a test unwraps is the failure it reports.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What a page holds that can be wrong.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    /// The ids of its headings, as GitHub and mdBook make them.
    anchors: BTreeSet<String>,
    /// Text between backticks.
    spans: Vec<String>,
    /// Code blocks marked as `console`.
    sessions: Vec<String>,
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        let mut session: Option<String> = None;
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let id = anchor(&heading.take().unwrap());
                    assert!(
                        page.anchors.insert(id.clone()),
                        "{}: two headings #{id}",
                        path.display()
                    );
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if &*language == "console" => {
                    session = Some(String::new());
                }
                Event::End(TagEnd::CodeBlock) => page.sessions.extend(session.take()),
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.spans.push(code.into_string());
                }
                Event::Text(text) => {
                    for open in [&mut heading, &mut session].into_iter().flatten() {
                        open.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        page
    }
}

fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

/// Every page that people read, by its path from the root.
fn pages() -> BTreeMap<PathBuf, Page> {
    let mut paths: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "engine/README.md",
        "testbed/README.md",
        "charts/kestra-minimal/README.md",
    ]
    .map(PathBuf::from)
    .into();
    for folder in ["docs", "docs/codes"] {
        let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
        let names = entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name()));
        paths.extend(names.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    let read = |path: PathBuf| (path.clone(), Page::read(&Path::new(ROOT).join(path)));
    paths.into_iter().map(read).collect()
}

/// Where a link of a page leads, from the root, without `.` and `..`.
fn target(page: &Path, link: &str) -> PathBuf {
    let mut target = PathBuf::new();
    for part in page.parent().unwrap().join(link).components() {
        match part {
            Component::ParentDir => assert!(target.pop(), "{}: {link} leaves the repository", page.display()),
            Component::Normal(name) => target.push(name),
            _ => {}
        }
    }
    target
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    let mut checked = 0;
    for (path, page) in &pages {
        for link in page.links.iter().filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let to = if file.is_empty() {
                path.clone()
            } else {
                target(path, file)
            };
            let here = path.display();
            assert!(Path::new(ROOT).join(&to).exists(), "{here}: {link} does not exist");
            if path.starts_with("docs") {
                assert!(
                    to.starts_with("docs"),
                    "{here}: the book cannot follow {link}; name the path in backticks"
                );
            }
            if !heading.is_empty() {
                let anchors = &pages[&to].anchors;
                assert!(
                    anchors.contains(heading),
                    "{here}: {link} is no heading; there are {anchors:?}"
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked} links");
}

#[test]
fn every_path_that_a_page_names_exists() {
    let path_like = Regex::new(
        r"^(\.ci|\.github|benches|charts|deploy|docs|drills|engine|fuzz|schemas|scenarios|src|testbed|tests)/[a-z0-9_./-]*$",
    )
    .unwrap();
    let mut checked = 0;
    for (page, content) in pages() {
        // A changelog speaks of what was.
        if page == Path::new("CHANGELOG.md") {
            continue;
        }
        for span in content.spans.iter().filter(|span| path_like.is_match(span)) {
            let root = Path::new(ROOT);
            let exists = root.join(span).exists() || root.join(&page).with_file_name(span).exists();
            assert!(exists, "{}: `{span}` does not exist", page.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} paths");
}

#[test]
fn the_book_and_the_index_have_every_page() {
    let pages = pages();
    let links = |page: &str| -> BTreeSet<PathBuf> {
        let page = Path::new(page);
        pages[page].links.iter().map(|link| target(page, link)).collect()
    };
    let (summary, index, codes) = (
        links("docs/SUMMARY.md"),
        links("docs/README.md"),
        links("docs/codes.md"),
    );
    for path in pages.keys().filter(|path| path.starts_with("docs")) {
        let name = path.display();
        if path.ends_with("SUMMARY.md") {
            continue;
        }
        assert!(summary.contains(path), "docs/SUMMARY.md lacks {name}");
        match () {
            () if path.ends_with("README.md") => {}
            () if path.starts_with("docs/codes") => assert!(codes.contains(path), "docs/codes.md lacks {name}"),
            () => assert!(index.contains(path), "docs/README.md lacks {name}"),
        }
    }
}

#[test]
fn the_list_of_codes_says_what_their_pages_say() {
    let list = fs::read_to_string(Path::new(ROOT).join("docs/codes.md")).unwrap();
    for entry in fs::read_dir(Path::new(ROOT).join("docs/codes")).unwrap() {
        let page = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (code, title) = page.lines().next().unwrap()[2..].split_once(": ").unwrap();
        let row = format!("| [{code}](codes/{code}.md) | {title} |");
        assert!(list.contains(&row), "docs/codes.md lacks {row}");
    }
}

#[test]
fn the_flow_in_deploy_starts_the_job_in_deploy() {
    let read = |file: &str| fs::read_to_string(Path::new(ROOT).join("deploy").join(file)).unwrap();
    let job = read("qualify-job.yaml");
    let spec = &job[job.find("\nspec:\n").unwrap() + 1..];
    // The release that the Job takes is named by the flow's input.
    let spec = spec.replace("--kestra, official, ", r#"--kestra, "{{ render(vars.kestra) }}", "#);
    let indented: String = spec.lines().map(|line| format!("      {line}\n")).collect();
    assert!(read("qualify-flow.yaml").contains(&indented), "not there:\n{indented}");
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(Path::new(ROOT).join("README.md"))
        .unwrap()
        .lines()
        .count();
    assert!(
        lines <= 170,
        "{lines} lines; move what a newcomer does not need to docs/"
    );
}

/// The commands of a session with what each prints.
fn commands(session: &str) -> Vec<(&str, String)> {
    let mut commands: Vec<(&str, String)> = Vec::new();
    for line in session.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, String::new())),
            (None, Some((_, printed))) => printed.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    commands
}

/// Sessions that take no Kestra and are not shortened are carried out: `cat FILE` says what the file holds.
#[test]
fn examples_that_need_no_kestra_print_what_the_page_says() {
    let offline = Regex::new(r"^(cat \S+$|.*kestra-secrets (lint|fix|explain|encode|codes|config) )").unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_kestra-secrets"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut run = 0;
    for (page, content) in pages() {
        // These are printed by `codes`, which has a test of its own.
        if page.starts_with("docs/codes") {
            continue;
        }
        for session in &content.sessions {
            let commands = commands(session);
            if !commands
                .iter()
                .all(|(command, printed)| offline.is_match(command) && !printed.is_empty())
            {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            symlink(Path::new(ROOT).join("scenarios"), folder.path().join("scenarios")).unwrap();
            for (command, printed) in commands {
                if let Some(file) = command.strip_prefix("cat ") {
                    fs::write(folder.path().join(file), printed).unwrap();
                    continue;
                }
                let output = Command::new("sh")
                    .args(["-c", &format!("{{ {command}; }} 2>&1")])
                    .current_dir(folder.path())
                    .env("PATH", &path)
                    .env("NO_COLOR", "1")
                    .env_remove("GITHUB_ACTIONS")
                    .output()
                    .unwrap();
                let now = String::from_utf8(output.stdout).unwrap();
                assert!(now == printed, "{}: `{command}` now prints\n{now}", page.display());
                run += 1;
            }
        }
    }
    assert!(run >= 6, "{run} examples");
}

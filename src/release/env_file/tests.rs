use super::*;

/// `NAME=value`, `NAME` for an inherited one and `NAME=$` for an interpolated one; `!` before what is refused.
fn told(text: &str, dialect: EnvDialect) -> Vec<String> {
    let line = |variable: EnvVariable| {
        let refused = if variable.refused.is_some() { "!" } else { "" };
        let name = &text[variable.name.clone()];
        match variable.read {
            EnvText::Text(value) => format!("{refused}{name}={value}"),
            EnvText::Inherited => format!("{refused}{name}"),
            EnvText::Interpolated => format!("{refused}{name}=$"),
        }
    };
    read(text, dialect).into_iter().map(line).collect()
}

#[test]
fn compose_takes_quotes_comments_and_export_off() {
    let text =
        "\u{feff}# c\nexport A=one # c\nB=\"two # two\"\nC='th$ree' # c\nD = four\nE: five\nF=si#x\nG=\"a\\nb\\$c\"\n";
    assert_eq!(
        told(text, EnvDialect::Compose),
        [
            "A=one",
            "B=two # two",
            "C=th$ree",
            "D=four",
            "E=five",
            "F=si#x",
            "G=a\nb$c"
        ]
    );
}

#[test]
fn compose_reads_two_variables_on_one_line() {
    assert_eq!(
        told("A='\n..'=\nB='1'C=2\n", EnvDialect::Compose),
        ["A=\n..", "=", "B=1", "C=2"]
    );
    assert_eq!(told("A=1\nB", EnvDialect::Compose), ["A=1", "=B"]);
}

#[test]
fn compose_fills_variables_in() {
    assert_eq!(
        told("A=${B}\nC=a$D\nE='$F'\nG=a$$b\nH=5$\n", EnvDialect::Compose),
        ["A=$", "C=$", "E=$F", "G=a$b", "H=5$"]
    );
}

#[test]
fn the_other_readers_keep_all_of_it() {
    let text = "\u{feff}A=one # c\nB=\"two\"\r\n  C= three \nD=${E}\n# F=1\nG\n";
    for dialect in [EnvDialect::Docker, EnvDialect::Kubectl, EnvDialect::Kustomize] {
        assert_eq!(
            told(text, dialect),
            ["A=one # c", "B=\"two\"", "C= three ", "D=${E}", "G"],
            "{}",
            dialect.name()
        );
    }
}

#[test]
fn what_a_reader_refuses_is_read_all_the_same() {
    let text = "export A=1\nB C=2\n=3\nD=4\n";
    assert_eq!(told(text, EnvDialect::Docker), ["!export A=1", "!B C=2", "!=3", "D=4"]);
    assert_eq!(told(text, EnvDialect::Kubectl), ["!export A=1", "!B C=2", "!=3", "D=4"]);
    assert_eq!(
        told("A?=1\nB=\"2\nC=3\n", EnvDialect::Compose),
        ["!A?=1", "!B=\"2", "C=3"]
    );
}

#[test]
fn base64_that_was_cut_is_one_value() {
    let line = "QUJD".repeat(19);
    let text = format!("A={line}\n{line}\nQUI=\nB=QUJD\n");
    for dialect in EnvDialect::ALL {
        let variables = read(&text, dialect);
        let names: Vec<_> = variables.iter().map(|v| &text[v.name.clone()]).collect();
        assert_eq!(names, ["A", "B"], "{}", dialect.name());
        let rest = variables[0].continued.clone().map(|rest| text[rest].to_owned());
        assert_eq!(rest, Some(format!("{line}\nQUI=")));
        assert_eq!(variables[1].continued, None);
    }
}

#[test]
fn a_line_beyond_64_kib_is_refused_by_the_scanners() {
    let text = format!("A={}\n", "x".repeat(64 * 1024));
    assert_eq!(read(&text, EnvDialect::Docker)[0].refused, Some(RefusalReason::TooLong));
    assert_eq!(read(&text, EnvDialect::Compose)[0].refused, None);
}

#[test]
fn readers_find_their_variables_on_the_same_lines() {
    let text = "A=\"one\ntwo\"\nexport B=1\n\nC='3'\n";
    let lines = read_by_all(text, EnvDialect::Kubectl).into_iter().map(|readings| {
        readings.map(|variable| {
            variable.map_or(String::new(), |variable| {
                let refused = if variable.refused.is_some() { "!" } else { "" };
                format!("{refused}{}", &text[variable.name])
            })
        })
    });
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            ["A", "A", "A", "A"],
            ["", "two\"", "!two\"", "!two\""],
            ["B", "!export B", "!export B", "!export B"],
            ["C", "C", "C", "C"],
        ]
    );
}

#[test]
fn compose_reads_octal_escapes_and_refuses_what_begins_no_variable() {
    assert_eq!(
        told(
            "A=\"\\0101\\012\\0777\"\nB=${}\nC=${1}\nD=$1 $$x\nE=\"${A\"\nF='${}'\nG=${A:-x}\n",
            EnvDialect::Compose
        ),
        ["A=A\\12\\777", "!B=${}", "!C=${1}", "D=$1 $x", "!E=${A", "F=${}", "G=$"]
    );
}

#[test]
fn docker_takes_any_name_without_a_blank_or_a_tab() {
    let text = "A?=1\nB\u{a0}C=2\nD\tE=3\n";
    assert_eq!(told(text, EnvDialect::Docker), ["A?=1", "B\u{a0}C=2", "!D\tE=3"]);
    assert_eq!(told(text, EnvDialect::Kustomize), ["!A?=1", "!B\u{a0}C=2", "!D\tE=3"]);
}

#[test]
fn a_last_line_without_its_end_may_be_one_byte_shorter() {
    let line = |length: usize| format!("A={}", "x".repeat(length - 2));
    for (text, refused) in [
        (line(64 * 1024 - 1) + "\n", false),
        (line(64 * 1024 - 1), false),
        (line(64 * 1024), true),
        (line(64 * 1024) + "\n", true),
    ] {
        let found = read(&text, EnvDialect::Kustomize)[0].refused.is_some();
        assert_eq!(found, refused, "{} bytes", text.len());
    }
}

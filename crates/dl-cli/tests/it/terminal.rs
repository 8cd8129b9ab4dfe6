//! Programs in a terminal: the progress display, and a terminal as stdin.
#![cfg(target_os = "linux")]

use serde_json::Value;

use crate::support::in_terminal;

/// The program names at the start of each display.
fn drawn(output: &str) -> Vec<&'static str> {
    let tools = ["dl-data", "dl-nms", "dl-propose", "dl-embed"];
    // A display is drawn after an escape sequence or a carriage return.
    let starts = |tool: &str| {
        let start = format!("{tool} ");
        output.split(['\r', '\n']).any(|line| without_escapes(line).starts_with(&start) && line.contains(" record"))
    };
    tools.into_iter().filter(|tool| starts(tool)).collect()
}

/// The line without escape sequences such as `ESC [ 2 K`.
fn without_escapes(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(
            part.trim_start_matches(|letter: char| letter == '[' || letter.is_ascii_digit() || letter == ';')
                .get(1..)
                .unwrap_or_default(),
        );
    }
    text
}

const RECORD: &str = r#"{\"id\":\"a\",\"detections\":[]}"#;

#[test]
fn the_last_program_of_a_pipe_shows_progress_if_no_total_is_known() {
    let feed = format!("(echo \"{RECORD}\"; sleep 3; echo \"{RECORD}\")");
    let command = format!("{feed} | dl-data shard 1/1 | dl-data check | dl-nms > /dev/null");
    let Some((status, output)) = in_terminal(&command) else { return };
    assert_eq!((status, drawn(&output)), (0, vec!["dl-nms"]), "{output:?}");
    // A message of another program takes the place of the display.
    assert!(output.contains("\r\u{1b}[Kdl-data: a: the record has no image\r\n"), "{output:?}");
}

#[test]
fn the_program_with_the_total_shows_progress() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.jsonl");
    // More than fits into pipes and queues.
    let line = format!("{{\"id\":\"a\",\"detections\":[],\"text\":\"{}\"}}\n", "x".repeat(10_000));
    std::fs::write(&path, line.repeat(300)).unwrap();
    let command = format!("dl-data shard 1/1 {} | (sleep 2; dl-nms) > /dev/null", path.display());
    let Some((status, output)) = in_terminal(&command) else { return };
    assert!(status == 0 && drawn(&output).contains(&"dl-data") && output.contains("/300 records"), "{output:?}");
    let command = format!("(sleep 2; cat) < {} | dl-nms -q > /dev/null", path.display());
    let Some((status, output)) = in_terminal(&command) else { return };
    assert_eq!((status, output.as_str()), (0, ""), "--quiet draws nothing");
}

#[test]
fn records_on_the_terminal_stay_whole() {
    let feed = format!("(echo \"{RECORD}\"; sleep 1; echo \"{RECORD}\"; sleep 1; echo \"{RECORD}\")");
    let Some((status, output)) = in_terminal(&format!("{feed} | dl-nms")) else { return };
    assert_eq!((status, drawn(&output)), (0, vec!["dl-nms"]), "{output:?}");
    let lines = output.split('\n').map(|line| without_escapes(line.trim_end_matches('\r')));
    let records =
        lines.filter(|line| serde_json::from_str::<Value>(line.rsplit('\r').next().unwrap_or_default()).is_ok());
    assert_eq!(records.count(), 3, "{output:?}");
}

#[test]
fn nothing_is_drawn_over_a_program_that_prints_on_the_terminal() {
    let feed = format!("(echo \"{RECORD}\"; sleep 3; echo \"{RECORD}\")");
    let Some((status, output)) = in_terminal(&format!("{feed} | dl-nms | cat")) else { return };
    assert_eq!(status, 0);
    assert_eq!(output.replace('\r', ""), "{\"id\":\"a\",\"detections\":[]}\n".repeat(2));
}

#[test]
fn a_terminal_as_stdin_is_a_usage_error_at_once() {
    for command in ["dl-nms", "dl-data check", "dl-eval voc"] {
        let Some((status, output)) = in_terminal(command) else { return };
        assert!(status == 2 && output.contains("no input: pipe records in, or name images"), "{command}: {output:?}");
        assert!(output.contains(&format!("see {command} --help")), "{command}: {output:?}");
    }
}

#[test]
fn features_on_the_terminal_come_with_a_hint() {
    let image = "testdata/signs/JPEGImages/test-0001.jpg";
    let command = format!("dl-embed --model testdata/models/signs.safetensors --layer fire9@1 {image}");
    let hint = "features are printed as base64";
    let Some((status, output)) = in_terminal(&command) else { return };
    assert!(status == 0 && output.contains(hint), "{output:?}");
    let Some((_, output)) = in_terminal(&format!("{command} | dl-data check")) else { return };
    assert!(output.contains(&format!("dl-data: {hint}")), "{output:?}");
    for other in ["--features-json", "> /dev/null"] {
        let Some((status, output)) = in_terminal(&format!("{command} {other}")) else { return };
        assert!(status == 0 && !output.contains(hint), "{other}: {output:?}");
    }
}

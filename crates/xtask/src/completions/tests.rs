//! Tab, pressed in real shells. A shell that is not installed is skipped, with a line on stderr.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::generated::Mode;

/// A line with the cursor at its end, candidates that the shell must offer, and candidates that it must not.
struct Case {
    line: &'static str,
    offered: &'static [&'static str],
    not_offered: &'static [&'static str],
}

const CASES: &[Case] = &[
    // Subcommands, and those of a subcommand.
    Case { line: "dl-data ", offered: &["from", "to", "split", "check"], not_offered: &["voc", "found.jsonl"] },
    Case { line: "dl-data from ", offered: &["voc", "coco", "label-studio"], not_offered: &["split", "found.jsonl"] },
    Case { line: "dl-data from l", offered: &["label-studio", "labelme", "lines"], not_offered: &["voc"] },
    Case { line: "dl-data help from v", offered: &["voc"], not_offered: &["coco"] },
    Case { line: "dl-draw b", offered: &["boxes"], not_offered: &["grid"] },
    // Options, short and long, of a program and of a subcommand at each depth.
    Case { line: "dl-nms --", offered: &["--iou", "--method", "--threads"], not_offered: &["--output-dir"] },
    Case { line: "dl-draw boxes --", offered: &["--output-dir", "--score", "--quiet"], not_offered: &["--columns"] },
    Case { line: "dl-data from voc --", offered: &["--split", "--threads"], not_offered: &["--images", "--fix"] },
    Case { line: "dl-data from coco --im", offered: &["--images"], not_offered: &["--split"] },
    Case { line: "dl-propose selective-search --mo", offered: &["--mode"], not_offered: &["--max"] },
    Case { line: "dl-finetune svm --t", offered: &["--threads"], not_offered: &["--seed"] },
    // Values that are one of a few.
    Case { line: "dl-nms --method ", offered: &["hard", "diou", "weighted"], not_offered: &["found.jsonl"] },
    Case { line: "dl-nms --method=soft-g", offered: &["soft-gaussian"], not_offered: &["soft-linear"] },
    Case { line: "dl-propose selective-search --mode ", offered: &["fast", "quality"], not_offered: &["found.jsonl"] },
    Case { line: "dl-data check --truncated ", offered: &["error", "keep"], not_offered: &["found.jsonl"] },
    // Files, where the program or the option takes one.
    Case { line: "dl-nms ", offered: &["found.jsonl", "photos"], not_offered: &["other"] },
    Case { line: "dl-nms --iou 0.3 fo", offered: &["found.jsonl"], not_offered: &["photos"] },
    Case { line: "dl-nms < fo", offered: &["found.jsonl"], not_offered: &["photos"] },
    Case { line: "dl-draw boxes fo", offered: &["found.jsonl"], not_offered: &["photos"] },
    Case { line: "dl-data from coco fo", offered: &["found.jsonl"], not_offered: &["photos"] },
    Case { line: "dl-embed --model fo", offered: &["found.jsonl"], not_offered: &["photos"] },
    Case { line: "dl-model info --tensors fo", offered: &["found.jsonl"], not_offered: &["photos"] },
    // Folders, where only a folder will do; nothing where a number is expected.
    Case { line: "dl-draw boxes --output-dir ", offered: &["photos"], not_offered: &["found.jsonl"] },
    Case { line: "dl-nms --iou ", offered: &[], not_offered: &["found.jsonl", "photos"] },
];

#[test]
fn the_committed_completions_are_those_of_the_programs() {
    super::scripts().run_alone(Mode::Check).unwrap();
}

#[test]
fn bash_completes_commands_options_values_and_files() {
    check("bash", |sandbox, lines| {
        // Interactive bash reads keys from a pipe too, and echoes them to stderr.
        let mut keys = String::from(
            "PS1= PS2=; bind 'set completion-query-items 0'; bind 'set page-completions off'\n\
             bind '\"\\t\": possible-completions'; bind 'set completion-display-width 0'\n",
        );
        for script in fs::read_dir(sandbox.completions.join("bash")).unwrap() {
            keys += &format!(". '{}'\n", script.unwrap().path().display());
        }
        // Tab, then Ctrl-U to delete the line.
        keys += &lines.iter().map(|line| format!("echo DO''NE >&2\n{line}\t\x15")).collect::<String>();
        keys += "echo DO''NE >&2\n";
        sandbox.run(&["bash", "--norc", "--noprofile", "-i"], &keys)
    });
}

#[test]
fn zsh_completes_commands_options_values_and_files() {
    // zsh completes only on a terminal, which its module zpty provides.
    const DRIVER: &str = r"
        zmodload zsh/zpty
        zpty shell zsh -f -i
        wait_for() { while zpty -r shell part; do print -rn -- $part; [[ $part == *DONE$1* ]] && break; done; }
        # `kill undef`: before the prompt the terminal edits lines itself, and Ctrl-U would delete the keys.
        zpty -w shell 'PS1= PS2= RPS1= LISTMAX=0; unsetopt prompt_cr prompt_sp; stty columns 500 rows 500 kill undef'
        zpty -w shell 'fpath=('${(q)1}' $fpath); autoload -U compinit; compinit -u -D; bindkey ^I list-choices'
        zpty -w shell 'zstyle :completion:\* verbose no'
        zpty -w shell print DO\'\'NE0
        wait_for 0
        integer n=0
        while IFS= read -r line; do
            zpty -w -n shell $line$'\t\x15'
            zpty -w shell print DO\'\'NE$((++n))
            wait_for $n
        done
        zpty -d shell
    ";
    check("zsh", |sandbox, lines| {
        let folder = sandbox.completions.join("zsh");
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        sandbox.run(&["zsh", "-f", "-c", DRIVER, "driver", &folder.to_string_lossy()], &input)
    });
}

#[test]
fn fish_completes_commands_options_values_and_files() {
    const DRIVER: &str = r#"
        set -g fish_complete_path $argv[1]
        echo DONE
        while read -P "" -l line
            # The candidates, without their descriptions.
            complete -C (string trim -r -c . -- $line) | string replace -r '\t.*' ''
            echo DONE
        end
    "#;
    check("fish", |sandbox, lines| {
        let folder = sandbox.completions.join("fish");
        // `read` would trim a blank at the end of a line.
        let input: String = lines.iter().map(|line| format!("{line}.\n")).collect();
        sandbox.run(&["fish", "--no-config", "-c", DRIVER, "--", &folder.to_string_lossy()], &input)
    });
}

/// Runs every case in one shell. `complete` returns what the shell prints for the lines, each followed by `DONE`.
#[expect(clippy::print_stderr, reason = "a test that is skipped must be reported")]
fn check(shell: &str, complete: impl Fn(&Sandbox, &[&str]) -> String) {
    if Command::new(shell).arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: {shell} is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(folder.path());
    let lines: Vec<&str> = CASES.iter().map(|case| case.line).collect();
    let output = complete(&sandbox, &lines);
    let answers: Vec<&str> = output.split("DONE").skip(1).collect();
    assert_eq!(answers.len(), CASES.len() + 1, "{shell}: {output}");
    for (case, answer) in CASES.iter().zip(answers) {
        let words: Vec<&str> = answer
            .split(|letter: char| letter.is_whitespace() || letter.is_control())
            .map(|word| word.trim_end_matches(['/', '=']))
            .map(|word| word.rsplit_once('=').map_or(word, |(_, value)| value))
            .collect();
        for expected in case.offered {
            assert!(words.contains(expected), "{shell}: {:?} does not offer {expected}: {answer}", case.line);
        }
        for unwanted in case.not_offered {
            assert!(!words.contains(unwanted), "{shell}: {:?} offers {unwanted}: {answer}", case.line);
        }
    }
}

/// A folder to complete in, and the scripts.
struct Sandbox {
    completions: PathBuf,
    here: PathBuf,
    /// The PATH on which the programs are found.
    path: String,
}

impl Sandbox {
    fn new(folder: &Path) -> Self {
        let completions = folder.join("completions");
        for (name, script) in super::files() {
            let path = completions.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, script).unwrap();
        }
        let here = folder.join("here");
        // fish loads the completions of programs that exist.
        let programs = folder.join("programs");
        fs::create_dir_all(&programs).unwrap();
        for tool in dl_cli::tools::TABLE {
            std::os::unix::fs::symlink("/bin/true", programs.join(tool.name)).unwrap();
        }
        fs::create_dir_all(here.join("photos")).unwrap();
        fs::write(here.join("found.jsonl"), "").unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        Self { completions, here, path }
    }

    /// What the command writes, both streams together, with `input` on its stdin.
    fn run(&self, command: &[&str], input: &str) -> String {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .current_dir(&self.here)
            .env("HOME", &self.here)
            .env("PATH", &self.path)
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

//! A disk that keeps only what it was told to flush, from a log of what the system was asked for.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The calls that matter.
pub(crate) const CALLS: &str = "openat,write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat";

/// The files of a folder, by name.
pub(crate) type Kept = BTreeMap<String, Vec<u8>>;

/// A folder's files as programs see them, and as they are after a power cut.
pub(crate) struct Disk {
    root: String,
    /// The number of the file of each name; what each file contains.
    names: BTreeMap<String, usize>,
    contents: Vec<Vec<u8>>,
    flushed_names: BTreeMap<String, usize>,
    flushed_contents: HashMap<usize, Vec<u8>>,
}

impl Disk {
    /// One that has these files.
    pub(crate) fn new<'a>(
        root: &Path,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Self {
        let root = root.canonicalize().expect("a folder").display().to_string();
        let (mut names, mut contents) = (BTreeMap::new(), Vec::new());
        for (name, bytes) in files {
            names.insert(name.to_owned(), contents.len());
            contents.push(bytes.to_vec());
        }
        let flushed_contents = contents.iter().cloned().enumerate().collect();
        Self { root, flushed_names: names.clone(), names, contents, flushed_contents }
    }

    /// Plays a log of strace. Returns what a power cut would leave at each answer `stored` or `removed`.
    pub(crate) fn play(&mut self, log: &str) -> Vec<Kept> {
        let mut unfinished = HashMap::new();
        let mut at_answers = Vec::new();
        for line in log.lines() {
            let (thread, call) = line.split_once(' ').expect("a thread and a call");
            let call = call.trim_start();
            // A call that another thread's has interrupted: what it did is done when it ends.
            if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
                unfinished.insert(thread.to_owned(), begun.to_owned());
            } else if let Some((_, rest)) = call.split_once(" resumed>") {
                let begun = unfinished.remove(thread).unwrap_or_default();
                self.call(&format!("{begun}{rest}"), &mut at_answers);
            } else {
                self.call(call, &mut at_answers);
            }
        }
        at_answers
    }

    fn call(&mut self, call: &str, at_answers: &mut Vec<Kept>) {
        let Some((name, arguments)) = call.split_once('(') else { return };
        let Some((_, result)) = call.rsplit_once(" = ") else { return };
        if result.starts_with('-') {
            return; // it failed
        }
        let root = format!("<{}", self.root);
        let in_folder = |text: &str| -> Option<String> {
            let (_, rest) = text.split_once(&root)?;
            Some(rest.split('>').next()?.trim_start_matches('/').to_owned())
        };
        let quoted: Vec<_> = arguments.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        match name {
            "openat" if arguments.contains("O_CREAT") && arguments.contains(&root) => {
                self.names.insert(quoted[0].clone(), self.contents.len());
                self.contents.push(Vec::new());
            }
            "write" | "writev" | "pwrite64" | "sendto" | "sendmsg" => {
                let said = quoted.concat();
                if let Some(file) = in_folder(arguments) {
                    let file = self.names[&file];
                    self.contents[file].extend_from_slice(said.as_bytes());
                } else if arguments.contains("TCP")
                    && (said.contains("stored ") || said.contains("removed "))
                {
                    at_answers.push(self.after_a_power_cut());
                }
            }
            "fsync" | "fdatasync" => match in_folder(arguments) {
                Some(folder) if folder.is_empty() => self.flushed_names = self.names.clone(),
                Some(file) => {
                    let file = self.names[&file];
                    self.flushed_contents.insert(file, self.contents[file].clone());
                }
                None => {}
            },
            "rename" | "renameat" | "renameat2" if arguments.contains(&root) => {
                let file = self.names.remove(&quoted[0]).expect("it is there");
                self.names.insert(quoted[1].clone(), file);
            }
            "unlink" | "unlinkat" if arguments.contains(&root) => {
                self.names.remove(&quoted[0]);
            }
            _ => {}
        }
    }

    /// A name without its content is an empty file.
    fn after_a_power_cut(&self) -> Kept {
        let content = |file| self.flushed_contents.get(file).cloned().unwrap_or_default();
        self.flushed_names.iter().map(|(name, file)| (name.clone(), content(file))).collect()
    }
}

//! Makes a table of constants of `models.json`, so that no process reads JSON when it starts.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

type Fault = Box<dyn std::error::Error>;

#[expect(clippy::disallowed_methods, reason = "Cargo says by the environment where to write")]
fn main() -> Result<(), Fault> {
    println!("cargo::rerun-if-changed=models.json");
    let text = std::fs::read_to_string("models.json")?;
    let data: Value = serde_json::from_str(&text)?;
    let models = data["models"].as_object().ok_or("models.json has no models")?;
    let version = data["as_of"].as_str().ok_or("models.json has no date")?;
    let mut names: Vec<_> = models.iter().collect();
    names.sort_by_key(|(name, _)| name.as_str());
    let mut out = format!("[(&str, ModelFacts); {}] = [\n", names.len());
    for (name, facts) in names {
        writeln!(
            out,
            "    ({name:?}, {}),",
            row(facts, version).map_err(|why| format!("{name}: {why}"))?
        )?;
    }
    out.push_str("]\n");
    // The type comes before the list, so that the file is one expression for `include!`.
    let list = out.split_once("= ").map(|(_, list)| list).ok_or("no list")?;
    let target = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&target).join("models.rs"), format!("&{}", list.trim_end()))?;
    Ok(())
}

fn row(facts: &Value, version: &str) -> Result<String, Fault> {
    let number = |value: &Value| value.as_u64().map_or("None".to_owned(), |n| format!("Some({n})"));
    let refuses =
        |field| facts["refuses"].as_array().is_some_and(|all| all.iter().any(|one| one == field));
    let cap = match facts["cap"].as_str() {
        Some("max_completion_tokens") => "MaxCompletionTokens",
        None => "MaxTokens",
        Some(other) => return Err(format!("unknown field {other}").into()),
    };
    let price = |name: &str| number(&facts["micro_usd_per_million"][name]);
    let unit = |name: &str| number(&facts["nano_usd_per_unit"][name]);
    let retires = match facts["retires"].as_str() {
        Some(date) => format!("Some({date:?})"),
        None => "None".to_owned(),
    };
    let routes: Vec<_> =
        facts["routes_to"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let operations = facts["operations"].as_array().into_iter().flatten();
    let operations: Vec<_> = operations.filter_map(Value::as_str).map(variant).collect();
    let operations = operations.join(", ");
    Ok(format!(
        "ModelFacts {{ operations: &[{operations}], context: {}, max_output: {}, reasons: {}, cap: CompletionField::{cap}, \
         image: {}, drawn: {}, refuses_user: {}, refuses_stream_options: {}, has_older_tokenizer: {}, \
         retires: {retires}, routes_to: &{routes:?}, prices: ModelPrices {{ version: {version:?}, \
         surcharge: {}, input: {}, \
         cached_input: {}, cache_write: {}, cache_write_hour: {}, output: {}, input_audio: {}, \
         output_audio: {}, input_image: {}, output_image: {}, long_input: {}, long_cached_input: \
         {}, long_output: {}, image: {}, second: {}, character: {}, video_second: {}, \
         large_video_second: {} }} }}",
        number(&facts["context"]),
        number(&facts["max_output"]),
        facts["reasons"] == true,
        image(&facts["image"])?,
        drawn(&facts["drawn"])?,
        refuses("user"),
        refuses("stream_options"),
        facts["tokenizer"] == "cl100k_base",
        price("surcharge"),
        price("input"),
        price("cached_input"),
        price("cache_write"),
        price("cache_write_hour"),
        price("output"),
        price("input_audio"),
        price("output_audio"),
        price("input_image"),
        price("output_image"),
        price("input_above_272k"),
        price("cached_above_272k"),
        price("output_above_272k"),
        unit("image"),
        unit("second"),
        unit("character"),
        unit("video_second"),
        unit("large_video_second"),
    ))
}

/// The variant of an operation's name, such as `Operation::ChatCompletions`.
fn variant(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    format!("Operation::{}", name.split('_').map(capital).collect::<String>())
}

fn image(rule: &Value) -> Result<String, Fault> {
    if rule.is_null() {
        return Ok("None".to_owned());
    }
    let (name, fields): (_, &[&str]) = match rule.as_object().and_then(|rule| rule.keys().next()) {
        Some(key) if key == "tiles" => ("Tiles", &["base", "tile"]),
        Some(key) if key == "patches" => ("Patches", &["budget", "original", "percent"]),
        Some(key) if key == "pixels" => ("Pixels", &["longest", "most"]),
        other => return Err(format!("unknown image rule {other:?}").into()),
    };
    let numbers = rule[name.to_lowercase()].as_array().ok_or("an image rule is a list")?;
    let pairs = fields.iter().zip(numbers).map(|(field, number)| format!("{field}: {number}"));
    Ok(format!("Some(ImageRule::{name} {{ {} }})", pairs.collect::<Vec<_>>().join(", ")))
}

/// How generated images are counted.
fn drawn(rule: &Value) -> Result<String, Fault> {
    match rule.as_object().and_then(|rule| rule.iter().next()) {
        None => Ok("None".to_owned()),
        Some((key, figures)) if key == "sizes" => Ok(format!("Some(DrawnRule::Sizes({figures}))")),
        Some((key, figures)) if key == "grid" => Ok(format!("Some(DrawnRule::Grid({figures}))")),
        other => Err(format!("unknown rule of generated images {other:?}").into()),
    }
}

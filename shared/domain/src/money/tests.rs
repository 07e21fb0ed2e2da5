use proptest::prelude::*;

use super::*;
use crate::amount::NANO_PER_USD;
use crate::models::ModelFacts;
use crate::unit::Units;
use crate::usage::TokenDetails;

fn prices(model: &str) -> ModelPrices {
    ModelFacts::of(model).unwrap().prices
}

fn cost(prices: &ModelPrices, usage: &Usage) -> Option<u64> {
    prices.bill(usage).map(|bill| bill.nano_usd())
}

#[test]
fn a_cost_is_added_up_exactly_and_rounded_up_once() {
    // 0.15 and 0.60 dollars per million, half of it for what is cached.
    let prices = prices("gpt-4o-mini");
    let cost = |prompt, completion, cached| {
        let details = TokenDetails { cached, ..TokenDetails::NONE };
        cost(&prices, &Usage { details, ..Usage::of_tokens(prompt, completion) })
    };
    assert_eq!(cost(1_000_000, 0, 0), Some(NANO_PER_USD * 15 / 100));
    assert_eq!(cost(0, 1_000_000, 0), Some(NANO_PER_USD * 60 / 100));
    assert_eq!(cost(1_000_000, 0, 1_000_000), Some(NANO_PER_USD * 75 / 1_000));
    assert_eq!(cost(1, 1, 0), Some(750));
    assert_eq!(cost(0, 0, 0), Some(0));
    // More cached tokens than the prompt has are a fault of the report, and change no total.
    assert_eq!(cost(10, 0, 1_000_000), Some(750));
}

#[test]
fn cache_reads_and_writes_of_a_message_have_their_own_prices() {
    let prices = prices("claude-haiku-4-5");
    let details =
        TokenDetails { cached: 200, cache_write: 30, cache_write_hour: 7, ..TokenDetails::NONE };
    let usage = Usage { details, ..Usage::of_tokens(247, 12) };
    let bill = prices.bill(&usage).unwrap();
    // 1 dollar per million, 0.10 from the cache, 1.25 into it, 2 for an hour, and 5 for what it writes.
    let pico = 10 * 1_000_000 + 200 * 100_000 + 30 * 1_250_000 + 7 * 2_000_000 + 12 * 5_000_000;
    assert_eq!(bill.nano_usd(), u64::div_ceil(pico, 1_000));
    let counts = [Priced::Input, Priced::CachedInput, Priced::CacheWrite, Priced::CacheWriteHour]
        .map(|kind| bill.count(kind));
    assert_eq!(counts, [10, 200, 30, 7]);
}

#[test]
fn a_model_without_a_price_has_no_cost() {
    let none = ModelFacts::UNKNOWN.prices;
    assert!(none.is_unknown());
    assert_eq!(none.most(&Estimate::of_tokens(1, 0)), None);
    assert_eq!(none.bill(&Usage::of_tokens(1, 0)), None);
    assert_eq!(none.most(&Estimate::NOTHING), Some(0));
    assert_eq!(none.most(&Estimate::of_units(Units::of(Unit::VideoSeconds, 1))), None);
}

#[test]
fn units_are_paid_by_their_tokens_or_by_their_own_price() {
    let image = Usage { units: Units::of(Unit::Images, 1), ..Usage::default() };
    let flux = prices("flux-1.1-pro");
    assert_eq!(cost(&flux, &image), flux.image);
    assert_eq!(cost(&flux, &Usage { prompt_tokens: 500, ..image }), flux.image);
    let pro = prices("sora-2-pro");
    let video = Usage { units: Units::of(Unit::VideoSeconds, 4), ..Usage::default() };
    for (is_large_video, expected) in [(false, 1_200_000_000), (true, 2_000_000_000)] {
        assert_eq!(cost(&pro, &Usage { is_large_video, ..video }), Some(expected));
        let estimate = Estimate { is_large_video, ..Estimate::of_units(video.units) };
        assert_eq!(pro.most(&estimate), Some(expected));
    }
    let (usual, large) = (prices("sora-2"), Usage { is_large_video: true, ..video });
    assert_eq!(cost(&usual, &large), Some(400_000_000));
    // The figures of one image of low quality are enough for it.
    let gpt = prices("gpt-image-1");
    let low = Estimate { units: image.units, ..Estimate::of_tokens(0, 272) };
    assert_eq!(gpt.most(&low), Some((272 * gpt.output_image.unwrap()).div_ceil(1_000)));
    let details = TokenDetails { has_prompt_kinds: true, ..TokenDetails::NONE };
    let tokens = Usage { prompt_tokens: 10, completion_tokens: 1_056, details, ..image };
    let by_tokens = 10 * gpt.input.unwrap() + 1_056 * gpt.output_image.unwrap();
    assert_eq!(cost(&gpt, &tokens), Some(by_tokens.div_ceil(1_000)));
    // Without usage, the most that one can have.
    assert_eq!(cost(&gpt, &image), gpt.most(&Estimate::of_units(image.units)));
}

#[test]
fn tokens_whose_kind_is_not_reported_have_the_highest_price() {
    let (gpt, image) = (prices("gpt-image-1.5"), Units::of(Unit::Images, 1));
    let usage = Usage { units: image, ..Usage::of_tokens(10, 100) };
    let dearest = 10 * gpt.input_image.unwrap() + 100 * gpt.output_image.unwrap();
    assert_eq!(cost(&gpt, &usage), Some(dearest.div_ceil(1_000)));
    let details = TokenDetails {
        has_prompt_kinds: true,
        has_completion_kinds: true,
        output_image: 60,
        ..TokenDetails::NONE
    };
    let reported =
        10 * gpt.input.unwrap() + 60 * gpt.output_image.unwrap() + 40 * gpt.output.unwrap();
    assert_eq!(cost(&gpt, &Usage { details, ..usage }), Some(reported.div_ceil(1_000)));
    let heard = prices("gpt-4o-transcribe");
    let usage = Usage { units: Units::of(Unit::AudioSeconds, 1), ..Usage::of_tokens(10, 4) };
    let dearest = 10 * heard.input_audio.unwrap() + 4 * heard.output.unwrap();
    assert_eq!(cost(&heard, &usage), Some(dearest.div_ceil(1_000)));
}

#[test]
fn a_long_prompt_has_its_own_prices() {
    let prices = prices("gpt-5.4");
    let (short, long) = (Usage::of_tokens(272_000, 10), Usage::of_tokens(272_001, 10));
    let of = |tokens: u64, input: Option<u64>, output: Option<u64>| {
        (tokens * input.unwrap() + 10 * output.unwrap()).div_ceil(1_000)
    };
    assert_eq!(cost(&prices, &short), Some(of(272_000, prices.input, prices.output)));
    assert_eq!(cost(&prices, &long), Some(of(272_001, prices.long_input, prices.long_output)));
}

#[test]
fn of_two_replicas_the_higher_price_counts() {
    let (mini, large) = (prices("gpt-4o-mini"), prices("gpt-4o"));
    assert_eq!(mini.max(&large), large);
    let none = ModelFacts::UNKNOWN.prices;
    assert_eq!(mini.max(&none).input, mini.input);
}

const MODELS: [&str; 10] = [
    "gpt-4o-mini",
    "gpt-5.4",
    "gpt-5.6",
    "claude-haiku-4-5",
    "gpt-audio",
    "gpt-image-1.5",
    "gpt-4o-transcribe",
    "gpt-4o-mini-tts",
    "flux-1.1-pro",
    "whisper",
];

proptest! {
    /// What a request uses within its estimate never costs more than what was reserved.
    #[test]
    fn no_request_costs_more_than_the_most_of_its_estimate(
        model in prop::sample::select(MODELS.to_vec()),
        prompt in 0u64..400_000, completion in 0u64..200_000,
        parts in prop::array::uniform7(0u64..200_000),
        kinds in any::<[bool; 2]>(),
        units in prop::option::of((prop::sample::select(Unit::ALL.to_vec()), 1u64..5)),
        used in (0u64..=100, 0u64..=100),
    ) {
        let prices = prices(model);
        let units = units.map_or(Units::NONE, |(unit, count)| Units::of(unit, count));
        let estimate = Estimate { units, ..Estimate::of_tokens(prompt, completion) };
        if let Some(most) = prices.most(&estimate) {
            let [cached, cache_write, cache_write_hour, input_audio, input_image, output_audio, output_image] = parts;
            let [has_prompt_kinds, has_completion_kinds] = kinds;
            let details = TokenDetails { cached, cache_write, cache_write_hour, input_audio, input_image, output_audio, output_image, has_prompt_kinds, has_completion_kinds };
            let tokens = Usage::of_tokens(prompt * used.0 / 100, completion * used.1 / 100);
            let cost = cost(&prices, &Usage { details, units, ..tokens }).unwrap();
            prop_assert!(cost <= most, "{} of {}", cost, most);
        }
    }

    /// The bill names as many tokens as were used, so nothing is paid twice and nothing left out.
    #[test]
    fn a_bill_has_every_token_once(
        model in prop::sample::select(MODELS[..5].to_vec()),
        prompt in 0u64..400_000, completion in 0u64..200_000,
        parts in prop::array::uniform7(0u64..200_000),
    ) {
        let [cached, cache_write, cache_write_hour, input_audio, input_image, output_audio, output_image] = parts;
        let details = TokenDetails { cached, cache_write, cache_write_hour, input_audio, input_image, output_audio, output_image, ..TokenDetails::NONE };
        let bill = prices(model).bill(&Usage { details, ..Usage::of_tokens(prompt, completion) }).unwrap();
        let paid: u64 = bill.lines().map(|(_, line)| line.0).sum();
        prop_assert_eq!(paid, prompt + completion);
    }
}

#[test]
fn no_model_that_a_router_chooses_costs_more_than_was_reserved_for_it() {
    let router = ModelFacts::of("model-router").unwrap();
    let held = router.highest_prices();
    for (prompt, completion) in [(1, 1), (17, 5), (9_000, 0), (0, 4_096), (300_000, 32_768)] {
        let most = held.most(&Estimate::of_tokens(prompt, completion)).unwrap();
        for model in router.routes_to {
            let routed = ModelPrices { surcharge: held.surcharge, ..prices(model) };
            for details in [
                TokenDetails::NONE,
                TokenDetails { cache_write: prompt, ..TokenDetails::NONE },
                TokenDetails { cached: prompt / 2, ..TokenDetails::NONE },
            ] {
                let usage = Usage { details, ..Usage::of_tokens(prompt, completion) };
                let bill = routed.bill(&usage).unwrap();
                assert!(bill.nano_usd() <= most, "{model} {prompt} {completion} {details:?}");
                assert_eq!(bill.count(Priced::Routing), prompt);
            }
        }
    }
    // 0.14 dollars per million, beside 0.05 and 0.40.
    let nano = ModelPrices { surcharge: held.surcharge, ..prices("gpt-5-nano") };
    let bill = nano.bill(&Usage::of_tokens(1_000, 100)).unwrap();
    assert_eq!(bill.nano_usd(), 140_000 + 50_000 + 40_000);
}

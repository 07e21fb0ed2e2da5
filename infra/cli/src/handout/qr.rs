//! QR codes as images.

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

use crate::error::CliError;

/// The quiet zone of the standard, in modules.
const QUIET_ZONE: usize = 4;
/// Pixels of a module, for sharp print.
const SCALE: usize = 16;

fn code(link: &str) -> Result<QrCode, CliError> {
    let code = QrCode::with_error_correction_level(link, EcLevel::M);
    code.map_err(|error| CliError::failed("the address is too long for a QR code", error))
}

/// The code as SVG.
pub(super) fn svg(link: &str) -> Result<String, CliError> {
    Ok(code(link)?.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

/// The code as a PNG with one bit per pixel.
pub(super) fn png(link: &str) -> Result<Vec<u8>, CliError> {
    let code = code(link)?;
    let modules = code.width();
    let side = (modules + 2 * QUIET_ZONE) * SCALE;
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < modules);
        matches!((inside(x / SCALE), inside(y / SCALE)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark)
    };
    let mut bytes = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        for from in (0..side).step_by(8) {
            let light = (0..8).filter(|bit| from + bit < side && !is_dark(from + bit, y));
            bytes.push(light.fold(0_u8, |byte, bit| byte | (0x80 >> bit)));
        }
    }
    let too_large = |_| CliError::Failed("the image is too large".to_owned());
    let side = u32::try_from(side).map_err(too_large)?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let cannot = |error| CliError::failed("the image cannot be created", error);
    let mut writer = encoder.write_header().map_err(cannot)?;
    writer.write_image_data(&bytes).map_err(cannot)?;
    writer.finish().map_err(cannot)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "http://127.0.0.1:8787/api/pages#code=oslo-hack-1c3e5g7y";

    /// The modules of an image, read back from its pixels.
    fn modules(png: &[u8]) -> Vec<Vec<bool>> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let side = usize::try_from(info.width).unwrap();
        let is_dark =
            |x: usize, y: usize| pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
        let middle = |at: usize| at * SCALE + SCALE / 2;
        let count = side / SCALE;
        (0..count).map(|y| (0..count).map(|x| is_dark(middle(x), middle(y))).collect()).collect()
    }

    #[test]
    fn an_image_shows_the_code_with_a_quiet_zone() {
        let code = code(LINK).unwrap();
        let seen = modules(&png(LINK).unwrap());
        assert_eq!(seen.len(), code.width() + 2 * QUIET_ZONE);
        for (y, row) in seen.iter().enumerate() {
            for (x, is_dark) in row.iter().enumerate() {
                let inside = (QUIET_ZONE..code.width() + QUIET_ZONE).contains(&x)
                    && (QUIET_ZONE..code.width() + QUIET_ZONE).contains(&y);
                let wanted =
                    inside && code[(x - QUIET_ZONE.min(x), y - QUIET_ZONE.min(y))] == Color::Dark;
                assert_eq!(*is_dark, wanted, "{x} {y}");
            }
        }
    }

    #[test]
    fn svg_is_written() {
        let drawing = svg(LINK).unwrap();
        assert!(drawing.contains("<svg") && drawing.contains("viewBox"), "{drawing}");
    }
}

//! QR codes as pictures.

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

use crate::fault::Fault;

/// Light around a code, in modules, as the standard asks.
const QUIET: usize = 4;
/// Pixels of a module, so that a code is sharp on paper.
const SCALE: usize = 16;

fn code(link: &str) -> Result<QrCode, Fault> {
    let code = QrCode::with_error_correction_level(link, EcLevel::M);
    code.map_err(|fault| Fault::failed("the address is too long for a QR code", fault))
}

/// A drawing that may be of any size.
pub(super) fn svg(link: &str) -> Result<String, Fault> {
    Ok(code(link)?.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

/// A picture in black and white, of one bit a pixel.
pub(super) fn png(link: &str) -> Result<Vec<u8>, Fault> {
    let code = code(link)?;
    let modules = code.width();
    let side = (modules + 2 * QUIET) * SCALE;
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < modules);
        matches!((inside(x / SCALE), inside(y / SCALE)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark)
    };
    let mut bytes = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        for from in (0..side).step_by(8) {
            let light = (0..8).filter(|bit| from + bit < side && !is_dark(from + bit, y));
            bytes.push(light.fold(0_u8, |byte, bit| byte | (0x80 >> bit)));
        }
    }
    let too_large = |_| Fault::Failed("the picture is too large".to_owned());
    let side = u32::try_from(side).map_err(too_large)?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let cannot = |fault| Fault::failed("the picture cannot be made", fault);
    let mut writer = encoder.write_header().map_err(cannot)?;
    writer.write_image_data(&bytes).map_err(cannot)?;
    writer.finish().map_err(cannot)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "http://127.0.0.1:8787/api/pages#code=oslo-hack-1c3e5g7y";

    /// The picture again as modules, read back pixel by pixel.
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
    fn a_picture_shows_the_code_with_light_around_it() {
        let code = code(LINK).unwrap();
        let seen = modules(&png(LINK).unwrap());
        assert_eq!(seen.len(), code.width() + 2 * QUIET);
        for (y, row) in seen.iter().enumerate() {
            for (x, is_dark) in row.iter().enumerate() {
                let inside = (QUIET..code.width() + QUIET).contains(&x)
                    && (QUIET..code.width() + QUIET).contains(&y);
                let wanted = inside && code[(x - QUIET.min(x), y - QUIET.min(y))] == Color::Dark;
                assert_eq!(*is_dark, wanted, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_drawing_is_a_drawing() {
        let drawing = svg(LINK).unwrap();
        assert!(drawing.contains("<svg") && drawing.contains("viewBox"), "{drawing}");
    }
}

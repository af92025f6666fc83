//! A column of minutes that has to get narrower: several builds of a day are told apart by the hour
//! rather than by the year.

/// The narrowest that a column of minutes gets: days.
pub(super) const DAY: usize = "2026-11-01".len();

const WITHOUT_YEAR: usize = "11-01 06:30".len();

/// Brings minutes (`2026-11-01 06:30`) down to a width: those less than a year before the newest to
/// `11-01 06:30`, the older ones to the day, as `ls -l` does it; or all to the day where even
/// that is too wide. Says of which years those are that lost theirs.
pub(super) fn shorten<'a>(
    cells: impl Iterator<Item = &'a mut String>,
    width: usize,
) -> Option<String> {
    let mut cells: Vec<&mut String> = cells.filter(|cell| cell.contains(' ')).collect();
    let newest = cells.iter().map(|cell| cell.as_str()).max()?;
    let year_before = year_before(newest).filter(|_| width >= WITHOUT_YEAR);
    let mut years: Vec<String> = Vec::new();
    for cell in &mut cells {
        let (year, day) = cell.split_once('-')?;
        match &year_before {
            Some(before) if cell.as_str() > before.as_str() => {
                years.push(year.to_string());
                **cell = day.to_string();
            }
            _ => **cell = cell.split(' ').next()?.to_string(),
        }
    }
    years.sort_unstable();
    years.dedup();
    (!years.is_empty()).then(|| format!("without a year: {}", years.join(" and ")))
}

/// The same minute of the year before.
fn year_before(minute: &str) -> Option<String> {
    let (year, rest) = minute.split_once('-')?;
    Some(format!(
        "{:04}-{rest}",
        year.parse::<u32>().ok()?.checked_sub(1)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(cells: &[&str], width: usize) -> (Vec<String>, Option<String>) {
        let mut cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
        let legend = shorten(cells.iter_mut(), width);
        (cells, legend)
    }

    #[test]
    fn the_time_stays_and_the_year_goes_where_no_two_can_be_taken_for_each_other() {
        let cells = [
            "2025-01-02 10:00",
            "-",
            "2025-01-02 10:01",
            "2026-01-02 10:00",
        ];
        let (shown, legend) = shortened(&cells, 15);
        assert_eq!(shown, ["2025-01-02", "-", "01-02 10:01", "01-02 10:00"]);
        assert_eq!(legend.unwrap(), "without a year: 2025 and 2026");
        let (shown, legend) = shortened(&cells, 10);
        assert_eq!(shown, ["2025-01-02", "-", "2025-01-02", "2026-01-02"]);
        assert_eq!(legend, None);
        assert_eq!(shortened(&["-"], 11), (vec!["-".to_string()], None));
    }
}

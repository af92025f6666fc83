fn main() -> anyhow::Result<()> {
    let word = std::env::args().nth(1).unwrap_or("gentoo".into());
    println!("{:?} {}", rusty::letters(&word), rusty::summary(&word)?);
    Ok(())
}

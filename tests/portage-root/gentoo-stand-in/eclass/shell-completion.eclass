# A stand-in for Gentoo's shell-completion.eclass: the folders, below EPREFIX.

get_bashcompdir() { echo "${EPREFIX}/usr/share/bash-completion/completions"; }
get_zshcompdir() { echo "${EPREFIX}/usr/share/zsh/site-functions"; }
get_fishcompdir() { echo "${EPREFIX}/usr/share/fish/vendor_completions.d"; }

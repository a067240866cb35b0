"""The reproduction of Cheng et al. (ICML 2024): settings, studies, findings, figures and page."""

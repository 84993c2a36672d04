"""Where things are: the checkout, and the real data beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CDS = ROOT.parent / "shared/data/cds-100-dense"
"""AgentCF's sample of 100 users; tests that read it are skipped where it is absent."""

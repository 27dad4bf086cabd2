"""What an agent is told: templates of two kinds, edit and fix, filled with what one attempt is about.

The templates are words of Penstock, of the user or of a trusted project; all that fills them is untrusted and fenced.
"""

from penstock.domain.fencing import FENCE
from penstock.engine.prompts.assignment import HERE, NO_RUN, Assignment, Problem
from penstock.engine.prompts.guide import read_guide
from penstock.engine.prompts.language import TemplateUnfit
from penstock.engine.prompts.rendering import PromptTooLong, render
from penstock.engine.prompts.templates import FILES, PromptTemplate, PromptTemplates, chosen, shipped
from penstock.engine.prompts.trying import try_out

__all__ = [
    "FENCE",
    "FILES",
    "HERE",
    "NO_RUN",
    "Assignment",
    "Problem",
    "PromptTemplate",
    "PromptTemplates",
    "PromptTooLong",
    "TemplateUnfit",
    "chosen",
    "read_guide",
    "render",
    "shipped",
    "try_out",
]

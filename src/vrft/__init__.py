"""Visual reinforcement fine-tuning: labelled images in, a model out that is proved to be better.

Names are loaded when they are first used, so that what needs no torch works where there is none. They are
listed, with their types, in ``__init__.pyi``.
"""

import lazy_loader

__version__ = "0.2.0.dev0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

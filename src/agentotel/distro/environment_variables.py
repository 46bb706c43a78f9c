"""Makes agentotel the distro of a plain ``opentelemetry-instrument``, also with another distro installed.

``opentelemetry-instrument`` loads the modules of the entry point group ``opentelemetry_environment_variables``
before it starts the program. It means to read names from them; that they run is what lets a distro be chosen here.
Without this the first distro that the interpreter happens to find wins, which is ``opentelemetry-distro`` where that
is installed. An explicit choice of the user stands.
"""

import os

os.environ.setdefault("OTEL_PYTHON_DISTRO", "agentotel")
os.environ.setdefault("OTEL_PYTHON_CONFIGURATOR", "agentotel")

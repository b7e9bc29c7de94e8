"""The module Lesion Tracker of 3D Slicer: two volumes, points in one, the same lesions in the other."""

import qt
import slicer
import vtk
from LesionTrackerLib.logic import LesionTrackerLogic, jump, show, show_axes, table_row
from LesionTrackerLib.server import Server, ServerError
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget

ERRORS = (ServerError, ValueError, OSError)


class LesionTracker(ScriptedLoadableModule):
    """What Slicer lists."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Lesion Tracker"
        parent.categories = ["Active Learning"]
        parent.contributors = ["Lesion Tracker"]
        parent.helpText = "Finds lesions of an earlier CT again in a later one. For research use only."


class LesionTrackerWidget(ScriptedLoadableModuleWidget):
    """Two volume selectors, a list of points, Track, and a table to jump, accept and correct."""

    def setup(self):
        """Build the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        form = qt.QFormLayout()
        self.layout.addLayout(form)
        settings = qt.QSettings()
        self.url = qt.QLineEdit(settings.value("LesionTracker/url", "http://127.0.0.1:8000"))
        self.reader = qt.QLineEdit(settings.value("LesionTracker/reader", ""))
        self.user = qt.QLineEdit(settings.value("LesionTracker/user", ""))
        self.user.setPlaceholderText("only on a server with accounts")
        self.password = qt.QLineEdit()
        self.password.setEchoMode(qt.QLineEdit.Password)
        self.password.setPlaceholderText("is not saved")
        self.patient = qt.QLineEdit()
        self.baseline = self._selector("vtkMRMLScalarVolumeNode")
        self.followup = self._selector("vtkMRMLScalarVolumeNode")
        self.points = self._selector("vtkMRMLMarkupsFiducialNode", create=True)
        for name, widget in (
            ("Server", self.url),
            ("Reader", self.reader),
            ("User", self.user),
            ("Password", self.password),
            ("Patient", self.patient),
            ("Baseline", self.baseline),
            ("Follow-up", self.followup),
            ("Points in the baseline", self.points),
        ):
            form.addRow(name, widget)
        self._button("Place points", self.place)
        self._button("Track", self.track)
        self.table = qt.QTableWidget(0, 5)
        self.table.setHorizontalHeaderLabels(["Lesion", "State", "Diameters (change)", "Confidence", "Moved"])
        self.table.setSelectionBehavior(qt.QTableWidget.SelectRows)
        self.table.setEditTriggers(qt.QTableWidget.NoEditTriggers)
        self.table.connect("itemSelectionChanged()", self.jump)
        self.layout.addWidget(self.table)
        self._button("Accept", self.accept)
        self._button("Correct: keep where I dragged the point", self.correct)
        self.layout.addStretch(1)
        self.logic = None
        self.shown = None
        self.lines = []

    def place(self):
        """Show the baseline and place points until Escape."""
        slicer.util.setSliceViewerLayers(background=self.baseline.currentNode(), fit=True)
        slicer.modules.markups.logic().SetActiveList(self.points.currentNode())
        slicer.modules.markups.logic().StartPlaceMode(1)

    def track(self):
        """Upload both volumes, track, and show the points in the follow-up."""
        if not (self.baseline.currentNode() and self.followup.currentNode() and self.points.currentNode()):
            slicer.util.errorDisplay("Choose a baseline, a follow-up and a list of points.")
            return
        for name, field in (("url", self.url), ("reader", self.reader), ("user", self.user)):
            qt.QSettings().setValue(f"LesionTracker/{name}", field.text)
        server = Server(self.url.text, self.reader.text, self.user.text, self.password.text)
        self.logic = LesionTrackerLogic(server, slicer.util.saveNode)
        with slicer.util.tryWithErrorDisplay("The lesions could not be tracked.", waitCursor=True):
            patient = self.patient.text.strip()
            baseline = self.logic.ensure_on_server(self.baseline.currentNode(), patient)
            followup = self.logic.ensure_on_server(self.followup.currentNode(), patient)
            tracks = self.logic.track(baseline, followup, self.points.currentNode())
            self.shown = self.shown or slicer.mrmlScene.AddNewNodeByClass(
                "vtkMRMLMarkupsFiducialNode", "Tracked lesions"
            )
            show(tracks, self.logic.states, self.shown, vtk.vtkVector3d)
            slicer.util.setSliceViewerLayers(background=self.followup.currentNode(), fit=True)
            self._fill()
            said = "\n\n".join(text for text in self.logic.warnings)
            if said:
                slicer.util.warningDisplay(said, windowTitle="What the server says")

    def jump(self):
        """Centre the slice views on the chosen lesion."""
        jump(self.table.currentRow(), self.shown, slicer.modules.markups.logic())

    def accept(self):
        """Accept the chosen lesion."""
        self._answer(lambda row: self.logic.accept(row))

    def correct(self):
        """Keep where the chosen lesion's point was dragged."""
        self._answer(lambda row: self.logic.correct(row, self.shown))

    def _answer(self, keep):
        row = self.table.currentRow()
        if self.logic is None or row < 0:
            slicer.util.errorDisplay("Track first, then choose a lesion in the table.")
            return
        try:
            keep(row)
        except ERRORS as error:
            slicer.util.errorDisplay(str(error))
        self._fill()

    def _fill(self):
        chosen = self.table.currentRow()
        for line in self.lines:
            slicer.mrmlScene.RemoveNode(line)
        self.lines = show_axes(self.logic.tracks, self._line, vtk.vtkVector3d)
        self.table.setRowCount(len(self.logic.tracks))
        for row, track in enumerate(self.logic.tracks):
            for column, text in enumerate(table_row(track, self.logic.states)):
                self.table.setItem(row, column, qt.QTableWidgetItem(text))
        self.table.resizeColumnsToContents()
        self.table.setCurrentCell(max(chosen, 0), 0)

    def _line(self, name):
        return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)

    def _selector(self, kind, create=False):
        selector = slicer.qMRMLNodeComboBox()
        selector.nodeTypes = [kind]
        selector.addEnabled = selector.removeEnabled = selector.renameEnabled = create
        selector.noneEnabled = not create
        selector.setMRMLScene(slicer.mrmlScene)
        return selector

    def _button(self, text, action):
        button = qt.QPushButton(text)
        button.connect("clicked()", action)
        self.layout.addWidget(button)
